//! What the connection hands over to the subscription that reads.

use std::sync::{Mutex, MutexGuard, PoisonError};

use protean_port::port::Entry;
use tokio::sync::Notify;

use super::pending_buffer::PendingBuffer;

/// The buffer of one group, filled by its connection and emptied by its reads.
#[derive(Default)]
pub(super) struct Received {
    buffer: Mutex<PendingBuffer>,
    /// Wakes a waiting read: something arrived, or the connection ended.
    pub(super) changed: Notify,
}

impl Received {
    pub(super) fn add(&self, entry: Entry) {
        self.buffer().add(entry);
        self.changed.notify_one();
    }

    pub(super) fn buffer(&self) -> MutexGuard<'_, PendingBuffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
