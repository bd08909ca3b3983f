//! A message that was given up, on its way to a dead-letter stream.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::canonical::canonical;
use super::foreign::moment;
use super::layout::Text;
use super::unreadable::Unreadable;
use crate::message::Timestamp;

/// Beside what stands in the original entry.
const NOTICE: &str = "_dlq_metadata";

/// An entry that a group has given up, with its exact bytes.
///
/// As JSON it is the original object, when the entry was one, with
/// `_dlq_metadata` beside what the object holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterEntry {
    /// The stream it was read from.
    pub original_stream: String,
    /// Its id in that stream.
    pub original_id: String,
    /// The group that gave it up.
    pub consumer_group: String,
    /// The member of the group that did.
    pub consumer: String,
    /// When; other senders may not tell.
    pub failed_at: Option<Timestamp>,
    /// How often it had been tried again.
    pub retry_count: u32,
    /// Why, for a person; other senders may not tell.
    pub failure_reason: Option<String>,
    /// The entry, byte for byte; of a letter by another sender, what it kept of it.
    pub original: Vec<u8>,
}

/// A letter's own part.
#[derive(Serialize, Deserialize)]
struct Notice<'a> {
    #[serde(borrow)]
    original_stream: Text<'a>,
    #[serde(borrow)]
    original_id: Text<'a>,
    #[serde(borrow)]
    consumer_group: Text<'a>,
    #[serde(borrow)]
    consumer: Text<'a>,
    #[serde(borrow)]
    failed_at: Option<Text<'a>>,
    retry_count: u32,
    #[serde(borrow)]
    failure_reason: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    original: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_base64: Option<String>,
}

/// An object, its members as they stand.
type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

impl DeadLetterEntry {
    /// Reads a letter of ours or of another sender.
    ///
    /// # Errors
    /// When the entry is none: what was found, and what was expected.
    pub fn read(entry: &[u8]) -> Result<Self, Unreadable> {
        let told = |error| Unreadable::new(format!("no dead letter: {error}; expected an object"));
        let mut members: Members<'_> = serde_json::from_slice(entry).map_err(told)?;
        let notice = members.remove(NOTICE).ok_or_else(|| {
            Unreadable::new(format!(
                "no dead letter: found no `{NOTICE}` in it, expected an object"
            ))
        })?;
        let told = |error| Unreadable::new(format!("no dead letter: {NOTICE}: {error}"));
        let notice: Notice<'_> = serde_json::from_str(notice.get()).map_err(told)?;
        let original = match (&notice.original_base64, &notice.original) {
            (Some(encoded), _) => STANDARD.decode(encoded).map_err(|error| {
                Unreadable::new(format!("{NOTICE}.original_base64 is not base64: {error}"))
            })?,
            (None, Some(Text(original))) => original.as_bytes().to_vec(),
            (None, None) => serde_json::to_vec(&members).map_err(told)?,
        };
        Ok(Self {
            original_stream: notice.original_stream.0.into_owned(),
            original_id: notice.original_id.0.into_owned(),
            consumer_group: notice.consumer_group.0.into_owned(),
            consumer: notice.consumer.0.into_owned(),
            failed_at: moment("_dlq_metadata.failed_at", notice.failed_at.as_ref())?,
            retry_count: notice.retry_count,
            failure_reason: notice.failure_reason.map(|text| text.0.into_owned()),
            original,
        })
    }

    /// The JSON to send to a dead-letter stream.
    ///
    /// # Errors
    /// None that an entry or a reason could bring about.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// What the entry holds, when others can read it as well.
    fn members(&self) -> Option<Members<'_>> {
        let text = str::from_utf8(&self.original).ok()?;
        canonical(text).ok()?;
        serde_json::from_str(text).ok()
    }

    fn notice(&self) -> Notice<'_> {
        let text = str::from_utf8(&self.original);
        Notice {
            original_stream: self.original_stream.as_str().into(),
            original_id: self.original_id.as_str().into(),
            consumer_group: self.consumer_group.as_str().into(),
            consumer: self.consumer.as_str().into(),
            failed_at: self.failed_at.map(|time| time.to_string().into()),
            retry_count: self.retry_count,
            failure_reason: self.failure_reason.as_deref().map(Text::from),
            original: text.ok().map(Text::from),
            original_base64: text.is_err().then(|| STANDARD.encode(&self.original)),
        }
    }
}

impl Serialize for DeadLetterEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = self.members().unwrap_or_default();
        // A letter that died again tells of its last death alone.
        members.remove(NOTICE);
        let mut letter = serializer.serialize_map(Some(members.len() + 1))?;
        for (name, value) in &members {
            letter.serialize_entry(name, value)?;
        }
        letter.serialize_entry(NOTICE, &self.notice())?;
        letter.end()
    }
}
