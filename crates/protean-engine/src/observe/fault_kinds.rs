//! Faults of stored messages by kind, so that a million like ones are one line.

use std::collections::BTreeMap;
use std::sync::Arc;

use protean_port::message::{Kind, Message};
use serde::Serialize;

/// How many kinds are listed; faults of further kinds are only counted.
const MAX_KINDS: usize = 100;

/// A kind of fault: how many there are, and where the first one is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultKind {
    /// `event`, `command`, `scheduled event` or `scheduled command`.
    pub what: &'static str,
    /// The type of the message with its version.
    #[serde(rename = "type")]
    pub type_name: Arc<str>,
    /// Why the first one cannot be read.
    pub reason: String,
    /// How many there are.
    pub count: u64,
    /// The stream of the first one.
    pub stream: Arc<str>,
    /// The id of the first one.
    pub message_id: Arc<str>,
    /// Its position in the log; none while it is scheduled.
    pub position: Option<u64>,
}

impl FaultKind {
    /// That of a message, which is in the log at a position or scheduled.
    pub(super) fn of(message: &Message, position: Option<u64>, reason: String) -> Self {
        Self {
            what: match (message.kind, position) {
                (Kind::Event, Some(_)) => "event",
                (Kind::Command, Some(_)) => "command",
                (Kind::Event, None) => "scheduled event",
                (Kind::Command, None) => "scheduled command",
            },
            type_name: Arc::clone(&message.type_name),
            reason,
            count: 1,
            stream: message.stream.name(),
            message_id: Arc::clone(&message.id),
            position,
        }
    }
}

/// The first fault of each kind, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct FaultKinds {
    kinds: Vec<FaultKind>,
    places: BTreeMap<(&'static str, Arc<str>, String), usize>,
    /// Faults of further kinds.
    further: u64,
}

impl FaultKinds {
    /// Adds one fault.
    pub(super) fn add(&mut self, fault: FaultKind) {
        let key = (fault.what, Arc::clone(&fault.type_name), without_values(&fault.reason));
        match self.places.get(&key) {
            Some(place) => self.kinds[*place].count += 1,
            None if self.kinds.len() < MAX_KINDS => {
                self.places.insert(key, self.kinds.len());
                self.kinds.push(fault);
            }
            None => self.further += 1,
        }
    }

    pub(super) fn into_parts(self) -> (Vec<FaultKind>, u64) {
        (self.kinds, self.further)
    }
}

/// A reason without what differs from one message to the next: quoted values, numbers, places.
fn without_values(reason: &str) -> String {
    let mut kind = String::with_capacity(reason.len());
    let (mut in_word, mut is_quoted, mut is_escaped) = (false, false, false);
    for letter in reason.chars() {
        if is_quoted {
            is_quoted = is_escaped || letter != '"';
            is_escaped = letter == '\\' && !is_escaped;
        } else if letter == '"' {
            is_quoted = true;
            kind.push('"');
        } else if in_word || !letter.is_ascii_digit() {
            in_word = letter.is_alphanumeric() || letter == '_';
            kind.push(letter);
        } else if !kind.ends_with('#') {
            kind.push('#');
        }
    }
    kind
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{FaultKind, FaultKinds, MAX_KINDS, without_values};

    fn fault(type_name: &str, reason: &str) -> FaultKind {
        FaultKind {
            what: "event",
            type_name: type_name.into(),
            reason: reason.to_owned(),
            count: 1,
            stream: Arc::from("a-1"),
            message_id: Arc::from(reason),
            position: Some(1),
        }
    }

    #[test]
    fn reasons_that_differ_in_values_are_of_one_kind() {
        for (one, other) in [
            ("missing field `a1` at line 1 column 20", "missing field `a1` at line 1 column 7"),
            (
                "invalid type: string \"a\", expected i64",
                "invalid type: string \"b\\\"c\", expected i64",
            ),
            (
                "invalid value: integer `300`, expected u8",
                "invalid value: integer `-4`, expected u8",
            ),
            ("unknown field 'lines.0.note'", "unknown field 'lines.12.note'"),
        ] {
            let kinds = [one, other].map(without_values);
            assert_eq!(kinds[0].replace('-', ""), kinds[1].replace('-', ""));
        }
        let fields = ["missing field `line1`", "missing field `line2`"].map(without_values);
        assert_ne!(fields[0], fields[1]);
    }

    #[test]
    fn keeps_the_first_of_each_kind_and_counts_the_others() {
        let mut kinds = FaultKinds::default();
        for (name, reason) in [("A", "at 1"), ("A", "at 2"), ("B", "at 1"), ("A", "other")] {
            kinds.add(fault(name, reason));
        }
        let (found, further) = kinds.into_parts();
        let found: Vec<_> =
            found.iter().map(|kind| (&*kind.type_name, &*kind.reason, kind.count)).collect();
        assert_eq!(found, [("A", "at 1", 2), ("B", "at 1", 1), ("A", "other", 1)]);
        assert_eq!(further, 0);
    }

    #[test]
    fn the_number_of_kinds_is_bounded() {
        let mut kinds = FaultKinds::default();
        for number in 0..MAX_KINDS + 5 {
            kinds.add(fault(&format!("Type{number}"), "broken"));
        }
        let (found, further) = kinds.into_parts();
        assert_eq!((found.len(), further), (MAX_KINDS, 5));
    }
}
