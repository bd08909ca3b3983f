//! A message: what the log stores and a handler receives.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Metadata, Priority, Stream, Timestamp, TraceParent};

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An event: something that happened.
    Event,
    /// A command: something that shall happen.
    Command,
}

impl Kind {
    /// `EVENT` or `COMMAND`, as messages and stores write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "EVENT",
            Self::Command => "COMMAND",
        }
    }

    /// The kind with this name; `None` for an unknown name.
    pub fn named(text: &str) -> Option<Self> {
        [Self::Event, Self::Command].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A message without its position in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Unique: a UUID for a command, `<stream>-<sequence>` for an event.
    pub id: Arc<str>,
    /// The stream it belongs to.
    pub stream: Stream,
    /// Whether it is an event or a command.
    pub kind: Kind,
    /// The full name of the type, such as `Fidelis.AccountOpened.v1`.
    pub type_name: Arc<str>,
    /// The version of the type, from 1.
    pub version: u32,
    /// The priority, which everything that the message causes inherits.
    pub priority: Priority,
    /// The id that all messages of one causal chain share.
    pub correlation_id: Arc<str>,
    /// The id of the message that caused this one.
    pub causation_id: Option<Arc<str>>,
    /// When it was created (domain clock).
    pub time: Timestamp,
    /// The fields, as JSON.
    pub data: Arc<str>,
    /// Optional properties that few messages have.
    pub extensions: Extensions,
}

impl Message {
    /// The name without domain and version: `AccountOpened` of `Fidelis.AccountOpened.v1`.
    pub fn name(&self) -> &str {
        super::type_name::bare(&self.type_name)
    }
}

/// Optional properties of a message, stored as one JSON object, or not at all when empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extensions {
    /// The deadline, after which a command is no longer handled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// The idempotency key: a command sent again with the same key is not handled again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<Arc<str>>,
    /// The idempotency key holds for ever, instead of for a time after the command was handled.
    #[serde(skip_serializing_if = "is_false")]
    pub permanent_key: bool,
    /// The metadata of the message, which everything that it causes inherits.
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// The trace context, which everything that it causes inherits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<TraceParent>,
    /// Why a part of the message cannot be read, when a store has found that: the message is a
    /// dead letter, and those after it are not held up. Never stored.
    #[serde(skip)]
    pub unreadable: Option<Arc<str>>,
}

impl Extensions {
    /// The JSON to store; `None` when there is no property.
    pub fn to_json(&self) -> Option<String> {
        if *self == Self::default() { None } else { serde_json::to_string(self).ok() }
    }

    /// Reads the output of [`to_json`](Self::to_json), and ignores unknown names. A text of
    /// another form makes the message [`unreadable`](Self::unreadable).
    pub fn from_json(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self::default() };
        serde_json::from_str(text).unwrap_or_else(|fault| {
            let why = format!("its properties cannot be read: {fault}");
            Self { unreadable: Some(why.into()), ..Self::default() }
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A message with its position in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The position in the whole log: ascending, possibly with gaps.
    pub position: u64,
    /// The position in its stream: 0, 1, 2, … without gaps.
    pub stream_position: u64,
    /// The message.
    pub message: Message,
}
