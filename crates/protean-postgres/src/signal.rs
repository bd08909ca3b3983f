//! Counts commits, of this process and of others.

use tokio::sync::watch;

/// A number that grows with every commit.
#[derive(Default)]
pub(crate) struct Signal {
    announced: watch::Sender<u64>,
}

impl Signal {
    /// Announces a commit to every receiver.
    pub(crate) fn bump(&self) {
        self.announced.send_modify(|commits| *commits += 1);
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.announced.subscribe()
    }
}
