//! The envelope around a message on a broker's stream.
//!
//! ```text
//! Recorded ─▶ Envelope ─▶ stream ─▶ Envelope::read ─▶ Foreign
//!                                        │ Unreadable
//!                                        ▼
//!                                    DeadLetterEntry, with the exact bytes
//! ```
//!
//! Protean for Python writes and verifies the same layout, so that its services and ours
//! can share a stream.

mod canonical;
mod checksum;
mod dead_letter;
mod external;
mod foreign;
mod layout;
mod number;
mod object;
mod positions;
#[cfg(test)]
mod tests;
mod text;
mod unreadable;

use std::borrow::Cow;
use std::fmt;

use super::{Message, Recorded};
use layout::{Always, Headers, Members, Metadata, Origin, Seal, Text, Trace};

pub use checksum::Checksum;
pub use dead_letter::DeadLetterEntry;
pub use foreign::Foreign;
pub use positions::Positions;
pub use unreadable::Unreadable;

/// The JSON of one stream entry: a message with its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope(String);

impl Envelope {
    /// The envelope of a message in the log of this domain. The fields are copied byte for
    /// byte.
    ///
    /// # Errors
    /// When the fields are not JSON, or nest deeper than 127 objects and lists.
    pub fn of(recorded: &Recorded, domain: &str) -> Result<Self, Unreadable> {
        let message = &recorded.message;
        let checksum = Checksum::of(&message.data)?;
        let metadata = Metadata {
            headers: headers(message),
            envelope: Some(Seal {
                specversion: Some("1.0".into()),
                checksum: Some(checksum.as_str().into()),
            }),
            domain: origin(message, domain),
            event_store: (),
            extensions: Some(Members::of(
                Some((recorded.position, recorded.stream_position)),
                &message.extensions,
            )),
        };
        let mut json = Vec::with_capacity(message.data.len() + 1024);
        json.extend_from_slice(b"{\"data\":");
        json.extend_from_slice(message.data.as_bytes());
        json.extend_from_slice(b",\"metadata\":");
        let not_json = |error: &dyn fmt::Display| Unreadable::new(format!("not JSON: {error}"));
        serde_json::to_writer(&mut json, &metadata).map_err(|error| not_json(&error))?;
        json.push(b'}');
        String::from_utf8(json).map(Self).map_err(|error| not_json(&error))
    }

    /// Parses an entry of ours or of another program, and verifies its checksum if it has
    /// one.
    ///
    /// # Errors
    /// When the entry is not a message; the error says what was found and expected.
    pub fn read(entry: &[u8]) -> Result<Foreign<'_>, Unreadable> {
        foreign::read(entry)
    }

    /// The JSON of the entry.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The JSON of the entry, to send it.
    pub fn into_string(self) -> String {
        self.0
    }
}

fn headers(message: &Message) -> Headers<'_> {
    Headers {
        id: Text::from(&*message.id),
        time: Some(message.time.to_string().into()),
        type_name: Text::from(&*message.type_name),
        stream: message.stream.as_str().into(),
        traceparent: Trace(message.extensions.traceparent),
        idempotency_key: message.extensions.idempotency_key.as_deref().map(Text::from),
        deadline: message.extensions.deadline.map(|deadline| deadline.to_string().into()),
    }
}

fn origin<'a>(message: &'a Message, domain: &str) -> Origin<'a> {
    Origin {
        fqn: Some(format!("{domain}.{}", message.name()).into()),
        kind: message.kind.as_str().into(),
        origin_stream: (),
        stream_category: Some(message.stream.category().as_str().into()),
        version: Some(message.version),
        sequence_id: sequence(message).map(|sequence| Text(Cow::Borrowed(sequence))),
        asynchronous: Always,
        expected_version: (),
        priority: Some(message.priority.value().into()),
        correlation_id: Some(Text::from(&*message.correlation_id)),
        causation_id: message.causation_id.as_deref().map(Text::from),
    }
}

/// The part of an event's id after its stream: `7`, or `7.1` when the aggregate is
/// state-stored.
fn sequence(message: &Message) -> Option<&str> {
    message.id.strip_prefix(message.stream.as_str())?.strip_prefix('-')
}
