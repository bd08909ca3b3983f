//! The fields of a message as JSON, on their way into a log.

use serde::Serialize;

use protean_port::message::too_deep;
use protean_port::{Error, Result, Violations};

/// The most bytes of JSON that one message may have.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The fields of an event or a command of this name, as a log holds them.
///
/// # Errors
/// A violation when they are more than a log takes in, or nest deeper than can
/// be read back; a failure when they are nothing that JSON can hold.
pub(crate) fn to_json(name: &str, fields: &impl Serialize) -> Result<String> {
    let json = serde_json::to_string(fields).map_err(|error| {
        Error::failed(format!("{name} cannot be serialised as JSON")).with_source(error)
    })?;
    fits(name, &json).map(|()| json)
}

/// Verifies that a log takes in this JSON, and that it can be read back.
///
/// # Errors
/// A violation when it is too much, or nests too deep.
pub(crate) fn fits(name: &str, json: &str) -> Result {
    let invalid = |message| Error::invalid(Violations::of(name, message));
    if json.len() > MOST_BYTES {
        let bytes = json.len();
        return Err(invalid(format!(
            "takes {bytes} bytes as JSON, at most {MOST_BYTES} are kept: \
             keep large content elsewhere and refer to it"
        )));
    }
    too_deep(json, 0).map_or(Ok(()), |what| Err(invalid(what)))
}

#[cfg(test)]
mod tests {
    use protean_port::message::MAX_DEPTH;
    use serde_json::Value;

    use super::{MOST_BYTES, to_json};

    fn nested(levels: usize) -> Value {
        (1..levels).fold(Value::Array(Vec::new()), |inner, _| Value::Array(vec![inner]))
    }

    #[test]
    fn what_is_taken_in_can_be_read_back() {
        for levels in [1, 100, MAX_DEPTH] {
            let json = to_json("Note", &nested(levels)).unwrap();
            assert!(serde_json::from_str::<Value>(&json).is_ok(), "{levels}");
        }
        let refused = to_json("Note", &nested(MAX_DEPTH + 1)).unwrap_err();
        assert!(refused.is_invalid());
        let expected = "Note: is nested 128 levels deep, at most 127 can be read back: flatten it";
        assert_eq!(refused.to_string(), expected);
    }

    #[test]
    fn a_message_has_at_most_eight_mebibytes() {
        let text = |bytes: usize| "x".repeat(bytes - 2);
        assert!(to_json("Note", &text(MOST_BYTES)).is_ok());
        let refused = to_json("Note", &text(MOST_BYTES + 1)).unwrap_err();
        assert!(refused.is_invalid());
        let expected = "Note: takes 8388609 bytes as JSON, at most 8388608 are kept: \
                        keep large content elsewhere and refer to it";
        assert_eq!(refused.to_string(), expected);
    }
}
