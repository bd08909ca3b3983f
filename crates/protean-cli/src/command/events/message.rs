//! A message, as the commands show it.

use protean::message::{Metadata, Recorded};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The JSON of a message.
#[derive(Serialize)]
pub(in crate::command) struct Shown<'a> {
    position: u64,
    stream_position: u64,
    id: &'a str,
    stream: &'a str,
    category: &'a str,
    kind: &'static str,
    r#type: &'a str,
    version: u32,
    priority: i32,
    time: String,
    correlation_id: &'a str,
    causation_id: Option<&'a str>,
    /// Only of a message that has some.
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: &'a Metadata,
    /// Only of a message that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    /// Only with `--data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data<'a>>,
}

/// The fields as stored; a string when they are not JSON.
#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Json(&'a RawValue),
    Text(&'a str),
}

impl<'a> Shown<'a> {
    pub(in crate::command) fn new(recorded: &'a Recorded, data: bool) -> Self {
        let Recorded { position, stream_position, message } = recorded;
        let json = || serde_json::from_str(&message.data).map(Data::Json);
        Self {
            position: *position,
            stream_position: *stream_position,
            id: &message.id,
            stream: message.stream.as_str(),
            category: message.stream.category().as_str(),
            kind: message.kind.as_str(),
            r#type: &message.type_name,
            version: message.version,
            priority: message.priority.value(),
            time: message.time.to_string(),
            correlation_id: &message.correlation_id,
            causation_id: message.causation_id.as_deref(),
            metadata: &message.extensions.metadata,
            traceparent: message.extensions.traceparent.map(|of| of.to_string()),
            data: data.then(|| json().unwrap_or(Data::Text(&message.data))),
        }
    }
}

/// The JSON of a page of messages, and where the next one starts.
#[derive(Serialize)]
pub(super) struct Page<'a> {
    pub(super) messages: Vec<Shown<'a>>,
    pub(super) next: Option<u64>,
}

/// `AccountOpened` of `Fidelis.AccountOpened.v1`.
pub(in crate::command) fn short_type(type_name: &str) -> &str {
    let name = type_name.split_once('.').map_or(type_name, |(_, rest)| rest);
    name.rsplit_once(".v").map_or(name, |(name, _)| name)
}

/// Distinguishes a message from others of its stream: the end of a command's id, or the
/// sequence number of an event.
pub(super) fn short_id(recorded: &Recorded) -> String {
    let (id, stream) = (&*recorded.message.id, recorded.message.stream.as_str());
    match id.strip_prefix(stream).and_then(|rest| rest.strip_prefix('-')) {
        Some(sequence) => format!("#{sequence}"),
        None => id.get(id.len().saturating_sub(8)..).unwrap_or(id).to_owned(),
    }
}

/// The fields on one line, without the one that holds the identity of the instance:
/// `amount 5, reference "gift"`.
pub(in crate::command) fn values(recorded: &Recorded) -> String {
    let data = &*recorded.message.data;
    let Ok(Value::Object(fields)) = serde_json::from_str(data) else { return data.to_owned() };
    fields
        .iter()
        .filter(|(_, value)| value.as_str() != Some(recorded.message.stream.id()))
        .map(|(name, value)| format!("{name} {value}"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protean::message::{Category, Extensions, Kind, Message, Recorded};
    use serde_json::value::RawValue;

    use super::{Shown, values};

    fn recorded(data: &str) -> Recorded {
        let message = Message {
            id: Arc::from("m"),
            stream: Category::named("c").stream(&"1".into()),
            kind: Kind::Event,
            type_name: Arc::from("C.E.v1"),
            version: 1,
            priority: Default::default(),
            correlation_id: Arc::from("m"),
            causation_id: None,
            time: Default::default(),
            data: Arc::from(data),
            extensions: Extensions::default(),
        };
        Recorded { position: 1, stream_position: 0, message }
    }

    #[test]
    fn unusual_data_is_shown_unchanged() {
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(8 * 1024 * 1024));
        for json in [&*deep, &large, r#"{"a":18446744073709551615}"#, r#"{"a":"\ud800\u0000"}"#] {
            let recorded = recorded(json);
            let shown = serde_json::to_string(&Shown::new(&recorded, true)).unwrap();
            assert!(serde_json::from_str::<&RawValue>(&shown).is_ok());
            assert!(shown.contains(json), "byte for byte");
            assert!(!values(&recorded).is_empty());
        }
        for text in ["{\"a\":NaN}", "no JSON \u{0} at all", ""] {
            let recorded = recorded(text);
            let shown = serde_json::to_value(Shown::new(&recorded, true)).unwrap();
            assert_eq!(shown["data"], text, "not JSON, so a string");
            assert_eq!(values(&recorded), text);
        }
    }
}
