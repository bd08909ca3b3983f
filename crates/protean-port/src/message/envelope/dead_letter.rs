//! The entry of a dead-letter stream.

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

/// The field added to the original object.
const NOTICE_FIELD: &str = "_dlq_metadata";

/// An entry that a group gave up, with its exact bytes.
///
/// Its JSON is the original object, if the entry was one, with the additional field
/// `_dlq_metadata`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterEntry {
    /// The stream that the entry was read from.
    pub original_stream: String,
    /// The id of the entry in that stream.
    pub original_id: String,
    /// The group that gave it up.
    pub consumer_group: String,
    /// The consumer that gave it up.
    pub consumer: String,
    /// When it was given up; other programs may leave this out.
    pub failed_at: Option<Timestamp>,
    /// How often it was retried.
    pub retry_count: u32,
    /// Why it was given up, for people; other programs may leave this out.
    pub failure_reason: Option<String>,
    /// The original entry, byte for byte. For a dead letter of another program, as much as it
    /// kept.
    pub original: Vec<u8>,
}

/// The content of `_dlq_metadata`.
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

/// The members of an object, unparsed.
type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

impl DeadLetterEntry {
    /// Parses a dead letter of ours or of another program.
    ///
    /// # Errors
    /// When the entry is not a dead letter; the error says what was found and expected.
    pub fn read(entry: &[u8]) -> Result<Self, Unreadable> {
        let not_an_object =
            |error| Unreadable::new(format!("not a dead letter: {error}; expected an object"));
        let mut members: Members<'_> = serde_json::from_slice(entry).map_err(not_an_object)?;
        let notice = members.remove(NOTICE_FIELD).ok_or_else(|| {
            Unreadable::new(format!(
                "not a dead letter: expected an object with the field `{NOTICE_FIELD}`"
            ))
        })?;
        let malformed =
            |error| Unreadable::new(format!("not a dead letter: {NOTICE_FIELD}: {error}"));
        let notice: Notice<'_> = serde_json::from_str(notice.get()).map_err(malformed)?;
        let original = match (&notice.original_base64, &notice.original) {
            (Some(encoded), _) => STANDARD.decode(encoded).map_err(|error| {
                Unreadable::new(format!("{NOTICE_FIELD}.original_base64 is not base64: {error}"))
            })?,
            (None, Some(Text(original))) => original.as_bytes().to_vec(),
            (None, None) => serde_json::to_vec(&members).map_err(malformed)?,
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

    /// The JSON for a dead-letter stream.
    ///
    /// # Errors
    /// Never for valid values of this type.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// The members of the original entry, if it is JSON that other programs can read.
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
        // A dead letter that was given up again carries only its latest notice.
        members.remove(NOTICE_FIELD);
        let mut map = serializer.serialize_map(Some(members.len() + 1))?;
        for (name, value) in &members {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry(NOTICE_FIELD, &self.notice())?;
        map.end()
    }
}
