//! A dead letter as an entry of a dead-letter stream, and how it is recognised there. Pure.

use std::fmt::Display;
use std::sync::Arc;

use protean_core::domain::Group;
use protean_port::message::{DeadLetterEntry, Envelope, Timestamp};
use protean_port::port::{DeadLetter, Entry};
use protean_port::{Error, Result};

/// Identifies a dead letter by its group, its log position and when it was given up. A
/// message that is replayed and given up again is a new one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct DlqKey {
    group: Arc<str>,
    position: u64,
    time: Timestamp,
}

impl DlqKey {
    pub(super) fn of(group: &Group, dead: &DeadLetter) -> Self {
        let (position, time) = (dead.recorded.position, dead.time);
        Self { group: Arc::clone(&group.name), position, time }
    }

    /// Where the message lies in the log.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The dead letter that a stream entry holds; `None` when it is not from this log.
    pub(super) fn of_stream(entry: &Entry) -> Option<Self> {
        let dead = DeadLetterEntry::read(entry.data.as_deref()?).ok()?;
        let position = Envelope::read(&dead.original).ok()?.position?;
        let time = dead.failed_at?;
        Some(Self { group: dead.consumer_group.into(), position, time })
    }
}

/// Encodes the entry of a dead-letter stream: the message as it was published, and why it
/// was given up. The database does not know the broker's consumers and entry ids: the
/// handler and the id of the message stand in for them.
pub(super) fn encode(
    group: &Group,
    dead: &DeadLetter,
    stream: &str,
    domain: &str,
) -> Result<Vec<u8>> {
    let fault = |error: &dyn Display| {
        Error::failed(format!("cannot encode the dead letter as JSON: {error}"))
    };
    let envelope = Envelope::of(&dead.recorded, domain).map_err(|error| fault(&error))?;
    let original = envelope.into_string().into_bytes();
    let entry = DeadLetterEntry {
        original_stream: stream.to_owned(),
        original_id: dead.recorded.message.id.to_string(),
        consumer_group: group.name.to_string(),
        consumer: group.handler.clone(),
        failed_at: Some(dead.time),
        retry_count: dead.attempts.saturating_sub(1),
        failure_reason: Some(dead.reason.clone()),
        original,
    };
    entry.to_json().map(String::into_bytes).map_err(|error| fault(&error))
}
