//! Counts commits, of this process and of others.

use std::sync::Arc;

use tokio::sync::watch;

use crate::turnstile::Durable;

/// What the writers of a store announce.
#[derive(Clone, Default)]
pub(crate) struct Announced {
    pub(crate) signal: Arc<Signal>,
    pub(crate) durable: Arc<Durable>,
}

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
