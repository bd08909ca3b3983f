//! A dead letter as it travels, and how it is known again. Pure.

use std::fmt::Display;
use std::sync::Arc;

use protean_core::domain::Group;
use protean_port::message::{DeadLetterEntry, Envelope, Timestamp};
use protean_port::port::{DeadLetter, Entry};
use protean_port::{Error, Result};

/// Names one entry of a message: of which group, where in the log, and when. One
/// that is replayed and given up again is another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct DlqEntry {
    group: Arc<str>,
    position: u64,
    time: Timestamp,
}

impl DlqEntry {
    pub(super) fn of(group: &Group, letter: &DeadLetter) -> Self {
        let (position, time) = (letter.recorded.position, letter.time);
        Self { group: Arc::clone(&group.name), position, time }
    }

    /// Where the message lies in the log.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The one that an entry tells of; none when it is not of this log.
    pub(super) fn of_stream(entry: &Entry) -> Option<Self> {
        let letter = DeadLetterEntry::read(entry.data.as_deref()?).ok()?;
        let position = Envelope::read(&letter.original).ok()?.position?;
        let time = letter.failed_at?;
        Some(Self { group: letter.consumer_group.into(), position, time })
    }
}

/// What goes to the dead-letter stream: the entry as it was published, and why it
/// was given up. The database knows no consumers and no ids of a broker: the
/// handler and the id of the message stand in their place.
pub(super) fn dlq_entry(
    group: &Group,
    letter: &DeadLetter,
    (stream, domain): (&str, &str),
) -> Result<Vec<u8>> {
    let told = |error: &dyn Display| Error::failed(format!("a dead letter is no JSON: {error}"));
    let envelope = Envelope::of(&letter.recorded, domain).map_err(|error| told(&error))?;
    let original = envelope.into_string().into_bytes();
    let dlq_entry = DeadLetterEntry {
        original_stream: stream.to_owned(),
        original_id: letter.recorded.message.id.to_string(),
        consumer_group: group.name.to_string(),
        consumer: group.handler.clone(),
        failed_at: Some(letter.time),
        retry_count: letter.attempts.saturating_sub(1),
        failure_reason: Some(letter.reason.clone()),
        original,
    };
    dlq_entry.to_json().map(String::into_bytes).map_err(|error| told(&error))
}
