//! A change of a contract, and whom it breaks.

use std::fmt;

use serde::Serialize;
use serde::ser::SerializeStruct;

/// A change of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) kind: MessageKind,
    /// The message: `Account.AccountOpened`.
    pub(crate) message: String,
    /// The path of a field: `lines[].item`; empty for the message itself.
    pub(crate) field: String,
    pub(crate) what: String,
    pub(crate) is_breaking: bool,
}

/// Which side of a message others are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MessageKind {
    /// Others read events.
    Event,
    /// Others send commands.
    Command,
}

impl MessageKind {
    /// Whom a change breaks.
    pub(crate) fn others(self) -> &'static str {
        match self {
            Self::Event => "readers",
            Self::Command => "senders",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Command => "command",
        }
    }
}

/// `Account.AccountOpened: 'amount' is gone`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, field, what, .. } = self;
        match &**field {
            "" => write!(f, "{message} {what}"),
            field => write!(f, "{message}: '{field}' {what}"),
        }
    }
}

impl Serialize for Change {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut change = serializer.serialize_struct("Change", 5)?;
        change.serialize_field("kind", self.kind.name())?;
        change.serialize_field("message", &self.message)?;
        change.serialize_field("field", &Some(&self.field).filter(|field| !field.is_empty()))?;
        change.serialize_field("change", &self.what)?;
        change.serialize_field("breaks", &self.is_breaking.then(|| self.kind.others()))?;
        change.end()
    }
}
