//! Entries in the answers of Redis.

use std::sync::Arc;

use protean_port::port::{Entry, EntryId, EntryRef};
use redis::Value;

/// The field that holds the message.
pub(crate) const DATA: &[u8] = b"data";

/// The entries of `XREADGROUP`: a list of streams, each with its own; `None` when
/// the answer is of another form.
pub(crate) fn of_streams(answer: Value, asked: &[Arc<str>]) -> Option<Vec<Entry>> {
    let streams = match answer {
        Value::Nil => return Some(Vec::new()),
        Value::Array(streams) => streams,
        _ => return None,
    };
    let mut entries = Vec::new();
    for stream in streams {
        let [name, list] = <[Value; 2]>::try_from(array(stream)?).ok()?;
        let name = bytes(name)?;
        let stream = asked.iter().find(|asked| asked.as_bytes() == name.as_slice())?;
        of_stream(list, stream, &mut entries)?;
    }
    Some(entries)
}

/// The entries of one stream; one that is gone, and is named all the same, is left out.
pub(crate) fn of_stream(list: Value, stream: &Arc<str>, entries: &mut Vec<Entry>) -> Option<()> {
    let list = array(list)?;
    entries.reserve(list.len());
    for entry in list.into_iter().filter(|entry| !matches!(entry, Value::Nil)) {
        entries.extend(of(entry, stream)?);
    }
    Some(())
}

/// An entry; the inner `None` when it has no fields any more.
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
        if name == DATA && entry.data.is_none() {
            entry.data = Some(value);
        } else {
            entry.others.push((name, value));
        }
    }
    Some(Some(entry))
}

/// The elements of a list.
pub(crate) fn array(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(list) => Some(list),
        _ => None,
    }
}

/// The bytes of a string.
pub(crate) fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

/// The text of a string.
pub(crate) fn text(value: Value) -> Option<String> {
    String::from_utf8(bytes(value)?).ok()
}

/// A number that is not negative.
pub(crate) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}
