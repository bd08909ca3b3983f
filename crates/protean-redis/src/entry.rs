//! Parses the entries in replies of Redis.

use std::sync::Arc;

use protean_port::port::{Entry, EntryId, EntryRef};
use redis::Value;

/// The field of an entry that holds the message.
pub(crate) const DATA_FIELD: &[u8] = b"data";

/// The entries in a reply to `XREADGROUP`, which lists streams with their entries; `None`
/// when the reply is of another form.
pub(crate) fn of_streams(reply: Value, requested: &[Arc<str>]) -> Option<Vec<Entry>> {
    let streams = match reply {
        Value::Nil => return Some(Vec::new()),
        Value::Array(streams) => streams,
        _ => return None,
    };
    let mut entries = Vec::new();
    for stream in streams {
        let [name, list] = <[Value; 2]>::try_from(array(stream)?).ok()?;
        let name = bytes(name)?;
        let stream = requested.iter().find(|stream| stream.as_bytes() == name.as_slice())?;
        of_stream(list, stream, &mut entries)?;
    }
    Some(entries)
}

/// The entries of one stream, without those that Redis lists although they are deleted.
pub(crate) fn of_stream(list: Value, stream: &Arc<str>, entries: &mut Vec<Entry>) -> Option<()> {
    let list = array(list)?;
    entries.reserve(list.len());
    for entry in list.into_iter().filter(|entry| !matches!(entry, Value::Nil)) {
        entries.extend(of(entry, stream)?);
    }
    Some(())
}

/// An entry; the inner `None` when it has been deleted.
fn of(entry: Value, stream: &Arc<str>) -> Option<Option<Entry>> {
    let [id, fields] = <[Value; 2]>::try_from(array(entry)?).ok()?;
    let id = EntryId::new(String::from_utf8(bytes(id)?).ok()?);
    if matches!(fields, Value::Nil) {
        return Some(None);
    }
    let at = EntryRef { stream: Arc::clone(stream), id };
    let mut entry = Entry { at, data: None, others: Vec::new() };
    let mut fields = array(fields)?.into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        let (name, value) = (bytes(name)?, bytes(value)?);
        if name == DATA_FIELD && entry.data.is_none() {
            entry.data = Some(value);
        } else {
            entry.others.push((name, value));
        }
    }
    Some(Some(entry))
}

/// The elements of an array reply.
pub(crate) fn array(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(list) => Some(list),
        _ => None,
    }
}

/// The bytes of a string reply.
pub(crate) fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

/// The text of a string reply that is UTF-8.
pub(crate) fn text(value: Value) -> Option<String> {
    String::from_utf8(bytes(value)?).ok()
}

/// The number in an integer reply, unless it is negative.
pub(crate) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}
