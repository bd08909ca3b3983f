//! What the relay of a server hands to the server's own readers: messages that it publishes for
//! the first time, so that a reader that gets one from the broker need not look it up again.
//!
//! ```text
//! page of the log ─┬─▶ kept here ──────────────────▶ taken: it is open, run it
//!                  └─▶ broker ─▶ entry ─▶ reader ─┤
//!                                                   └ not here ─▶ looked up in the log
//! ```
//! No reader was given such a message before, so it is as open as it was when the page was read.
//! A message that comes a second time is looked up. One that another process gets is soon
//! forgotten here.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protean_port::port::Delivery;
use tokio::time::Instant;

/// How long a message is kept. The broker hands it out within milliseconds.
const KEPT_FOR: Duration = Duration::from_secs(1);
/// How many are kept at most.
const MAX_KEPT: usize = 256;
/// A message with more bytes is looked up.
const MAX_BYTES: usize = 16 * 1024;

/// Messages on their way from the relay of a server to its readers. A clone shares them.
#[derive(Clone, Default)]
pub(crate) struct Handover(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// By group and position.
    messages: HashMap<Key, Delivery>,
    /// When each was kept, the oldest first.
    since: VecDeque<(Instant, Key)>,
}

type Key = (Arc<str>, u64);

impl Handover {
    /// Keeps a message that is open to a group, and that no reader was given before.
    pub(crate) fn keep(&self, group: &Arc<str>, delivery: Delivery) {
        if delivery.recorded.message.data.len() > MAX_BYTES {
            return;
        }
        let (mut kept, now) = (self.kept(), Instant::now());
        kept.forget_before(now);
        let key = (Arc::clone(group), delivery.recorded.position);
        kept.since.push_back((now, key.clone()));
        kept.messages.insert(key, delivery);
    }

    /// The message of a group at this position with this id, once.
    pub(crate) fn take(&self, group: &Arc<str>, position: u64, id: &str) -> Option<Delivery> {
        let mut kept = self.kept();
        kept.forget_before(Instant::now());
        let taken = kept.messages.remove(&(Arc::clone(group), position));
        taken.filter(|taken| *taken.recorded.message.id == *id)
    }

    /// Forgets everything: a reader may already have been given what is published next.
    pub(crate) fn clear(&self) {
        *self.kept() = Kept::default();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Makes room for one more, and forgets what is too old.
    fn forget_before(&mut self, now: Instant) {
        while let Some((since, key)) = self.since.front()
            && (now - *since >= KEPT_FOR || self.since.len() >= MAX_KEPT)
        {
            self.messages.remove(key);
            self.since.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::sleep;

    use super::{Handover, KEPT_FOR, MAX_KEPT};
    use crate::sample;

    fn kept(handover: &Handover, group: &Arc<str>, position: u64) -> String {
        let delivery = sample::delivery(position);
        let id = delivery.recorded.message.id.to_string();
        handover.keep(group, delivery);
        id
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_is_taken_once_by_its_group_under_its_id() {
        let (handover, group, other) = (Handover::default(), "d.H".into(), "d.G".into());
        let id = kept(&handover, &group, 7);
        assert!(handover.take(&other, 7, &id).is_none());
        assert!(handover.take(&group, 8, &id).is_none());
        assert!(handover.take(&group, 7, &id).is_some());
        assert!(handover.take(&group, 7, &id).is_none(), "a second copy is looked up");
        kept(&handover, &group, 7);
        assert!(handover.take(&group, 7, "of another log").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_takes_is_forgotten() {
        let (handover, group) = (Handover::default(), "d.H".into());
        let id = kept(&handover, &group, 7);
        sleep(KEPT_FOR).await;
        assert!(handover.take(&group, 7, &id).is_none());
        let id = kept(&handover, &group, 7);
        handover.clear();
        assert!(handover.take(&group, 7, &id).is_none());
        let ids = Vec::from_iter((1..=MAX_KEPT as u64 + 1).map(|at| kept(&handover, &group, at)));
        assert!(handover.take(&group, 1, &ids[0]).is_none());
        assert!(handover.take(&group, MAX_KEPT as u64 + 1, &ids[MAX_KEPT]).is_some());
        assert!(handover.kept().messages.len() < MAX_KEPT);
    }
}
