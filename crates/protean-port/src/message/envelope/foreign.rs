//! Parses entries of a stream.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::checksum::Checksum;
use super::layout::{Headers, Members, Metadata, Text};
use super::object;
use super::unreadable::Unreadable;
use crate::message::{Category, Extensions, Kind, Message, Priority, Recorded, Stream, Timestamp};

/// The fields that every entry must have.
const EXPECTED: &str = "{\"data\": {…}, \"metadata\": {\"headers\": {\"id\", \"type\", \
                        \"stream\", …}, \"domain\": {\"kind\", …}}}";

/// A verified message from any sender. It borrows its large parts from the entry.
#[derive(Clone, Debug)]
pub struct Foreign<'a> {
    /// The message id, as the sender set it.
    pub id: Cow<'a, str>,
    /// The full name of the type, such as `Fidelis.AccountOpened.v1`.
    pub type_name: Cow<'a, str>,
    /// Whether it is an event or a command.
    pub kind: Kind,
    /// The version of the type; 1 when the sender leaves it out.
    pub version: u32,
    /// The stream of the message at its sender.
    pub stream: Stream,
    /// `7`, or `7.1` when the aggregate is not event-sourced; `None` for a command.
    pub sequence_id: Option<Cow<'a, str>>,
    /// The priority; a number out of range becomes the nearest one in range.
    pub priority: Priority,
    /// The id that all messages of one causal chain share.
    pub correlation_id: Option<Cow<'a, str>>,
    /// The id of the message that caused it.
    pub causation_id: Option<Cow<'a, str>>,
    /// When it was created.
    pub time: Option<Timestamp>,
    /// The deadline, the idempotency key, and what travels with it.
    pub extensions: Extensions,
    /// The fields: an object, exactly as sent.
    pub data: &'a RawValue,
    /// The log position of a message of ours.
    pub position: Option<u64>,
    /// The stream position of a message of ours.
    pub stream_position: Option<u64>,
}

impl Foreign<'_> {
    /// The message, as a handler receives it. Without a correlation id it begins a chain of its
    /// own; without a time it gets the time it was `received`.
    pub fn message(&self, received: Timestamp) -> Message {
        let id: Arc<str> = Arc::from(&*self.id);
        let correlation = self.correlation_id.as_deref().map(Arc::from);
        Message {
            stream: self.stream.clone(),
            kind: self.kind,
            type_name: Arc::from(&*self.type_name),
            version: self.version,
            priority: self.priority,
            correlation_id: correlation.unwrap_or_else(|| Arc::clone(&id)),
            causation_id: self.causation_id.as_deref().map(Arc::from),
            time: self.time.unwrap_or(received),
            data: Arc::from(self.data.get()),
            extensions: self.extensions.clone(),
            id,
        }
    }

    /// The message with its log position; `None` unless it is one of ours.
    pub fn recorded(&self) -> Option<Recorded> {
        let (position, stream_position) = (self.position?, self.stream_position?);
        Some(Recorded { position, stream_position, message: self.message(self.time?) })
    }
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(borrow, deserialize_with = "object::object")]
    metadata: Metadata<'a>,
}

pub(super) fn read(entry: &[u8]) -> Result<Foreign<'_>, Unreadable> {
    let json = str::from_utf8(entry).map_err(|error| {
        let at = error.valid_up_to();
        let found = entry.get(at).copied().unwrap_or_default();
        Unreadable::new(format!("not UTF-8: found 0x{found:02x} at byte {at}, expected {EXPECTED}"))
    })?;
    is_object("the entry", json)?;
    let Entry { data, metadata } =
        serde_json::from_str(json).map_err(|error| malformed(json, &error))?;
    is_object("data", data.get())?;
    verify(data.get(), &metadata)?;
    foreign(data, metadata)
}

/// Checks that a text begins an object.
fn is_object(what: &str, json: &str) -> Result<(), Unreadable> {
    let text = json.trim_start_matches([' ', '\t', '\n', '\r']);
    let found = match text.as_bytes().first() {
        Some(b'{') => return Ok(()),
        None => "empty",
        Some(b'[') => "a list",
        Some(b'"') => "a text",
        Some(b'-' | b'0'..=b'9') => "a number",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        Some(_) => "not JSON",
    };
    let begins: String = text.chars().take(40).collect();
    let quoted = if begins.is_empty() { begins } else { format!(" ({begins:?})") };
    Err(Unreadable::new(format!("{what} is {found}{quoted}: expected an object, {EXPECTED}")))
}

/// The error for an entry that is not laid out as a message, with the path to the fault.
fn malformed(json: &str, error: &serde_json::Error) -> Unreadable {
    if !error.is_data() {
        return Unreadable::new(format!("not JSON: {error}; expected {EXPECTED}"));
    }
    // Parses again, since tracking the path would slow down the parsing of valid entries.
    let parser = &mut serde_json::Deserializer::from_str(json);
    let fault = serde_path_to_error::deserialize::<_, Entry<'_>>(parser)
        .map_or_else(|at_path| at_path.to_string(), |_| error.to_string());
    Unreadable::new(format!("{fault}; expected {EXPECTED}"))
}

/// Verifies the checksum, if there is one. Computes it in any case, which checks the fields.
fn verify(data: &str, metadata: &Metadata<'_>) -> Result<(), Unreadable> {
    let computed = Checksum::of(data)?;
    match metadata.envelope.as_ref().and_then(|seal| seal.checksum.as_ref()) {
        Some(Text(given)) if *given != computed.as_str() => Err(Unreadable::new(format!(
            "the checksum does not match the data, so the message was changed in transit: \
             metadata.envelope.checksum is {given:.70?}, the data gives '{computed}'"
        ))),
        _ => Ok(()),
    }
}

/// Checks that the headers that identify a message are not empty.
fn named(headers: &Headers<'_>) -> Result<(), Unreadable> {
    let names = [("id", &headers.id), ("type", &headers.type_name), ("stream", &headers.stream)];
    match names.into_iter().find(|(_, Text(name))| name.is_empty()) {
        Some((what, _)) => Err(Unreadable::new(format!(
            "metadata.headers.{what} is empty: expected a name that identifies the message"
        ))),
        None => Ok(()),
    }
}

fn foreign<'a>(data: &'a RawValue, metadata: Metadata<'a>) -> Result<Foreign<'a>, Unreadable> {
    let Metadata { headers, domain, extensions, .. } = metadata;
    named(&headers)?;
    let Text(kind) = domain.kind;
    let kind = Kind::named(&kind).ok_or_else(|| {
        Unreadable::new(format!(
            "metadata.domain.kind is {kind:?}: expected \"EVENT\" or \"COMMAND\""
        ))
    })?;
    let stream = stream(&headers.stream.0, domain.stream_category.as_ref(), kind);
    let members = extensions.unwrap_or_default();
    let Members { position, stream_position, trace_flags, metadata } = members;
    let extensions = Extensions {
        deadline: moment("metadata.headers.deadline", headers.deadline.as_ref())?,
        idempotency_key: headers.idempotency_key.map(|Text(key)| Arc::from(&*key)),
        permanent_key: false,
        metadata,
        traceparent: headers.traceparent.0.map(|of| of.with_further_flags(trace_flags)),
        unreadable: None,
    };
    Ok(Foreign {
        id: headers.id.0,
        type_name: headers.type_name.0,
        kind,
        version: domain.version.unwrap_or(1),
        stream,
        sequence_id: domain.sequence_id.map(|text| text.0),
        priority: priority(domain.priority.unwrap_or_default()),
        correlation_id: domain.correlation_id.map(|text| text.0),
        causation_id: domain.causation_id.map(|text| text.0),
        time: moment("metadata.headers.time", headers.time.as_ref())?,
        extensions,
        data,
        position,
        stream_position,
    })
}

/// The stream, in the category that the sender gives, or else in the one that its name begins
/// with.
fn stream(name: &str, category: Option<&Text<'_>>, kind: Kind) -> Stream {
    let category = match category {
        Some(Text(category)) => Category::named(&**category),
        None => match (kind, name.split_once(":command-")) {
            (Kind::Command, Some((category, _))) => Category::named(category).commands(),
            _ => Category::named(name.split_once('-').map_or(name, |(category, _)| category)),
        },
    };
    Stream::restored(name, category)
}

fn priority(number: i64) -> Priority {
    let nearest = number.clamp(i32::MIN.into(), i32::MAX.into());
    Priority::new(i32::try_from(nearest).unwrap_or_default())
}

/// Parses a moment. Without an offset it is in UTC, as in Python.
pub(super) fn moment(name: &str, text: Option<&Text<'_>>) -> Result<Option<Timestamp>, Unreadable> {
    let Some(Text(text)) = text else { return Ok(None) };
    let moment = text.parse().or_else(|_| format!("{text}Z").parse());
    let expected = "expected a time such as \"2026-11-20T17:12:43.949786+00:00\"";
    moment.map(Some).map_err(|_: String| Unreadable::new(format!("{name} is {text:?}: {expected}")))
}
