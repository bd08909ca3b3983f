//! Where a command that was sent is.

use protean_port::Result;
use protean_port::message::{Message, Recorded};
use protean_port::port::{Find, Store};

/// Where a command that was sent is.
pub(crate) enum Sent {
    /// In the log.
    Logged(Recorded),
    /// In the schedule, until it is due.
    Scheduled(Message),
    /// Cancelled, or never sent.
    Nowhere,
}

impl Sent {
    /// Looks for a command by its message id.
    pub(crate) async fn find(store: &dyn Store, id: &str) -> Result<Self> {
        if let Some(recorded) = logged(store, id).await? {
            return Ok(Self::Logged(recorded));
        }
        if let Some(waiting) = store.scheduled_under(&[id]).await?.pop() {
            return Ok(Self::Scheduled(waiting.message));
        }
        // It may have been moved in between.
        Ok(logged(store, id).await?.map_or(Self::Nowhere, Self::Logged))
    }

    /// The message, if it is anywhere.
    pub(crate) fn message(self) -> Option<Message> {
        match self {
            Self::Logged(recorded) => Some(recorded.message),
            Self::Scheduled(message) => Some(message),
            Self::Nowhere => None,
        }
    }
}

async fn logged(store: &dyn Store, id: &str) -> Result<Option<Recorded>> {
    let find = Find { message_id: Some(id.into()), ..Find::first(1) };
    Ok(store.find(find).await?.pop())
}
