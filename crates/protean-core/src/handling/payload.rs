//! The payload of an entry that another system has put into a stream.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::failure::{Failure, Handled};

/// The message type of all entries: subscribers of one stream share what came.
pub(crate) const ENTRY_RECEIVED: (&str, u32) = ("EntryReceived", 1);

/// What another system has put into a stream, as its JSON text: for a
/// [subscriber](super::Receive) that does not want it read into a type.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Payload(Box<RawValue>);

impl Payload {
    /// The text, exactly as it came, without the space around it.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Reads it into a type.
    ///
    /// # Errors
    /// A [rejection](super::FailureKind::Rejected) when it does not have that form.
    pub fn json<T: DeserializeOwned>(&self) -> Handled<T> {
        read(self.as_str())
    }
}

/// Reads the JSON of a payload; members that the type does not have are passed over.
pub(super) fn read<T: DeserializeOwned>(json: &str) -> Handled<T> {
    serde_json::from_str(json).map_err(|error| {
        let wanted = std::any::type_name::<T>();
        Failure::rejected(format!("the payload cannot be read as {wanted}: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::{Payload, read};
    use crate::handling::FailureKind;

    #[test]
    fn a_payload_is_the_exact_text() {
        for text in [r#"{"b": 1.50, "a":[ ] ,"a":"\u0041"}"#, "7", "null", "\"\""] {
            assert_eq!(read::<Payload>(&format!(" {text}\n")).unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_does_not_fit_is_rejected() {
        let payload: Payload = read("{\"number\": \"seven\"}").unwrap();
        let refused = payload.json::<Vec<u8>>().unwrap_err();
        assert_eq!(refused.kind(), FailureKind::Rejected);
        let text = refused.to_string();
        assert!(
            text.starts_with("the payload cannot be read as ") && text.contains("line 1"),
            "{text}"
        );
    }
}
