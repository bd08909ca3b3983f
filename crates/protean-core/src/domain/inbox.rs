//! From an entry of another system's stream to the message that stands for it in
//! the log, from which subscribers handle it.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protean_port::message::{
    Category, Envelope, Extensions, Foreign, Id, Kind, Message, Priority, Recorded,
};
use protean_port::port::Entry;
use protean_port::{Error, Result, Violations};
use serde::Serializer;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::domain::Domain;
use crate::config::hint;
use crate::handling::{ENTRY_RECEIVED, HandlerKind};
use crate::model::{ExternalEvent, fits, to_json};
use crate::unit::Enrichment;

/// The message that stands for an entry of the stream that this category is named
/// for: the first and only one of a stream of its own, with the same id each time. Where
/// subscribers take events of another domain, an event that is published again is the same one.
/// Its data is the entry's field `data` when that is JSON, letter for letter, else
/// an object of all the fields.
///
/// # Errors
/// Why the log cannot take the entry.
pub fn message_from_entry(
    domain: &Domain,
    category: &Category,
    entry: &Entry,
) -> Result<Message, String> {
    let data = match entry.data.as_deref().and_then(json) {
        Some(data) => data.to_owned(),
        None => fields(entry)?,
    };
    fits(category.as_str(), &data).map_err(|error| error.to_string())?;
    let envelope = entry.data.as_deref().map(Envelope::read).and_then(Result::ok);
    let id = match &envelope {
        Some(event) if is_typed(domain, category) => Id::from(&*event.id),
        _ => Id::from(entry.at.id.as_str()),
    };
    Ok(message(domain, category, &id, data, envelope.as_ref(), Priority::NORMAL))
}

/// The whole entry, for its dead letter: the bytes of its field `data` when
/// it has no other, else a list of names and values as JSON, with what is not
/// text in base64.
pub fn raw_entry(entry: &Entry) -> Vec<u8> {
    match &entry.data {
        Some(data) if entry.others.is_empty() => data.clone(),
        _ => {
            let pairs = pairs(entry).map(|(name, value)| json!([shown(name), shown(value)]));
            Value::Array(pairs.collect()).to_string().into_bytes()
        }
    }
}

/// True when subscribers of the stream take events of another domain.
fn is_typed(domain: &Domain, category: &Category) -> bool {
    let mut groups = domain.groups().iter();
    groups.any(|group| group.takes_external_events && group.category == *category)
}

/// Takes in an event of another domain as if it had come in a broker's stream, like
/// [`inject_entry`].
///
/// # Errors
/// As [`inject_entry`].
pub async fn inject_event<E: ExternalEvent>(domain: &Domain, stream: &str, event: &E) -> Result {
    let data = to_json(E::NAME, event)?;
    let (sender, _) = E::NAME.split_once('.').unwrap_or((E::NAME, ""));
    let (category, priority) = (Category::named(stream), domain.priority());
    let of_event = message(domain, &category, &Id::new(), data, None, priority);
    let type_name = format!("{}.v{}", E::NAME, E::VERSION).into();
    let of_event = Message { type_name, version: E::VERSION, ..of_event };
    let recorded = Recorded { position: 0, stream_position: 0, message: of_event };
    let envelope = Envelope::external(&recorded, sender, &[])
        .map_err(|unreadable| Error::failed(unreadable.to_string()))?;
    inject_entry(domain, stream, envelope.as_str()).await
}

/// Takes in this JSON as if it had come in a broker's stream, and processes it as
/// `message_processing` says: for tests of subscribers.
///
/// # Errors
/// When it is not JSON, no subscriber reads the stream, or the store cannot be written. With
/// [`Error::committed`](protean_port::Error::committed) a subscriber failed.
pub async fn inject_entry(domain: &Domain, stream: &str, payload: &str) -> Result {
    let category = Category::named(stream);
    let groups = domain.groups().iter();
    let subscribers = groups.filter(|group| matches!(group.kind, HandlerKind::Subscriber { .. }));
    let known: Vec<&str> = subscribers.map(|group| group.category.as_str()).collect();
    if !known.contains(&stream) {
        let hint = hint(stream, &known);
        return Err(Error::misused(format!("no subscriber reads the stream '{stream}'{hint}")));
    }
    let data = json(payload.as_bytes()).ok_or_else(|| {
        Error::invalid(Violations::of("payload", format!("must be JSON, is {payload:.40?}")))
    })?;
    fits(stream, data)?;
    let envelope = Envelope::read(data.as_bytes()).ok();
    let (id, priority) = (Id::new(), domain.priority());
    let message = message(domain, &category, &id, data.to_owned(), envelope.as_ref(), priority);
    domain.unit_of_work(async |context| context.unit().append(message.clone())).await
}

/// The message that stands for an entry: with the priority, the metadata and the trace context of
/// its envelope, or of this priority.
fn message(
    domain: &Domain,
    category: &Category,
    entry: &Id,
    data: String,
    envelope: Option<&Foreign<'_>>,
    priority: Priority,
) -> Message {
    let stream = category.stream(entry);
    let id: Arc<str> = format!("{stream}-0").into();
    let (name, version) = ENTRY_RECEIVED;
    // Deadlines and keys are those of commands, and this is an event.
    let sent = envelope.map(|read| Enrichment::of(&read.extensions)).unwrap_or_default();
    Message {
        correlation_id: Arc::clone(&id),
        id,
        stream,
        kind: Kind::Event,
        type_name: domain.catalog().type_name(name, version),
        version,
        priority: envelope.map_or(priority, |read| read.priority),
        causation_id: None,
        time: domain.clock().now(),
        data: data.into(),
        extensions: sent.inherited(Extensions::default()),
    }
}

/// The text, when it is JSON.
fn json(bytes: &[u8]) -> Option<&str> {
    let text = str::from_utf8(bytes).ok()?;
    // Goes through it without nesting, however deep it nests.
    serde_json::from_str::<&RawValue>(text).ok().map(|_| text)
}

/// All fields as an object of texts.
fn fields(entry: &Entry) -> Result<String, String> {
    let texts = pairs(entry).map(|(name, value)| Ok((text(name, name)?, text(name, value)?)));
    let texts: Vec<(&str, &str)> = texts.collect::<Result<_, String>>()?;
    let mut json = Vec::new();
    let written = serde_json::Serializer::new(&mut json).collect_map(texts);
    written.map_err(|error| error.to_string())?;
    String::from_utf8(json).map_err(|error| error.to_string())
}

fn pairs(entry: &Entry) -> impl Iterator<Item = (&[u8], &[u8])> {
    let data = entry.data.iter().map(|data| (b"data".as_slice(), data.as_slice()));
    data.chain(entry.others.iter().map(|(name, value)| (name.as_slice(), value.as_slice())))
}

fn text<'a>(name: &[u8], bytes: &'a [u8]) -> Result<&'a str, String> {
    str::from_utf8(bytes).map_err(|error| {
        let (name, at) = (name.escape_ascii(), error.valid_up_to());
        let found = bytes.get(at).copied().unwrap_or_default();
        format!("the field `{name}` of the entry is not UTF-8: found 0x{found:02x} at byte {at}, expected text")
    })
}

fn shown(bytes: &[u8]) -> Value {
    match str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({"base64": STANDARD.encode(bytes)}),
    }
}
