//! Entries of a broker's streams.

use std::sync::Arc;

/// The id of an entry within its stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntryId(Arc<str>);

impl EntryId {
    /// An id as the broker writes it.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The id as the broker writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The stream and id of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntryRef {
    /// The stream that holds it.
    pub stream: Arc<str>,
    /// The id of the entry.
    pub id: EntryId,
}

/// An entry as its stream holds it. Any program may have added it, so nothing about it is
/// taken to be well-formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where the entry lies.
    pub at: EntryRef,
    /// The message, when the entry has a field for one.
    pub data: Option<Vec<u8>>,
    /// The other fields of the entry: names and values.
    pub others: Vec<(Vec<u8>, Vec<u8>)>,
}
