//! A message: what a log keeps and a handler receives.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Priority, Stream, Timestamp};

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Something that happened.
    Event,
    /// Something that is wanted.
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

    /// The kind written as `text`.
    pub fn named(text: &str) -> Option<Self> {
        [Self::Event, Self::Command].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A message before it has a place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Unique: a UUID for a command, `<stream>-<sequence>` for an event.
    pub id: Arc<str>,
    /// The stream it belongs to.
    pub stream: Stream,
    /// Event or command.
    pub kind: Kind,
    /// `Fidelis.AccountOpened.v1`.
    pub type_name: Arc<str>,
    /// The version of the type, from 1.
    pub version: u32,
    /// How urgent it is; travels through everything it causes.
    pub priority: Priority,
    /// Shared by all that came of one cause.
    pub correlation_id: Arc<str>,
    /// The id of the message that caused this one.
    pub causation_id: Option<Arc<str>>,
    /// When it was made.
    pub time: Timestamp,
    /// The fields, as JSON.
    pub data: Arc<str>,
    /// What few messages have.
    pub extensions: Extensions,
}

impl Message {
    /// The name without domain and version: `AccountOpened` of `Fidelis.AccountOpened.v1`.
    pub fn name(&self) -> &str {
        super::type_name::bare(&self.type_name)
    }
}

/// What few messages have; kept as one JSON object, absent when empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extensions {
    /// After this a command is not handled any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// What the sender calls this command, so that sending it again changes nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<Arc<str>>,
}

impl Extensions {
    /// The JSON to keep, nothing when there is nothing to say.
    pub fn to_json(&self) -> Option<String> {
        if *self == Self::default() { None } else { serde_json::to_string(self).ok() }
    }

    /// Reads what [`to_json`](Self::to_json) wrote; names it does not know are passed over.
    ///
    /// # Errors
    /// When the text is not a JSON object of this form.
    pub fn from_json(text: Option<&str>) -> Result<Self, serde_json::Error> {
        text.map_or_else(|| Ok(Self::default()), serde_json::from_str)
    }
}

/// A message with its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The place in the whole log; grows, may have gaps.
    pub position: u64,
    /// The place in its stream: 0, 1, 2, … without gaps.
    pub stream_position: u64,
    /// The message.
    pub message: Message,
}
