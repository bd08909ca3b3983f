//! The metadata of an entry: the field names, their order, and which ones are optional.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::object::{object, object_or_null};
use crate::message::{Extensions, Metadata as Travelling, TraceParent};

/// A text, borrowed from the entry where it has no escapes.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct Metadata<'a> {
    #[serde(borrow, deserialize_with = "object")]
    pub(super) headers: Headers<'a>,
    #[serde(borrow, default, deserialize_with = "object_or_null")]
    pub(super) envelope: Option<Seal<'a>>,
    #[serde(borrow, deserialize_with = "object")]
    pub(super) domain: Origin<'a>,
    /// The place in the sender's event store: always null on a stream.
    #[serde(skip_deserializing)]
    pub(super) event_store: (),
    #[serde(default, deserialize_with = "object_or_null")]
    pub(super) extensions: Option<Members>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Headers<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) time: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    pub(super) type_name: Text<'a>,
    #[serde(borrow)]
    pub(super) stream: Text<'a>,
    #[serde(default)]
    pub(super) traceparent: Trace,
    #[serde(borrow)]
    pub(super) idempotency_key: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) deadline: Option<Text<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Seal<'a> {
    #[serde(borrow)]
    pub(super) specversion: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) checksum: Option<Text<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Origin<'a> {
    #[serde(borrow)]
    pub(super) fqn: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) kind: Text<'a>,
    /// Known only while the sending handler runs.
    #[serde(skip_deserializing)]
    pub(super) origin_stream: (),
    #[serde(borrow)]
    pub(super) stream_category: Option<Text<'a>>,
    pub(super) version: Option<u32>,
    #[serde(borrow)]
    pub(super) sequence_id: Option<Text<'a>>,
    #[serde(skip_deserializing)]
    pub(super) asynchronous: Always,
    /// Known only while the message is written to its store.
    #[serde(skip_deserializing)]
    pub(super) expected_version: (),
    pub(super) priority: Option<i64>,
    #[serde(borrow)]
    pub(super) correlation_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) causation_id: Option<Text<'a>>,
}

/// Always true: messages on a stream are handled asynchronously.
#[derive(Default)]
pub(super) struct Always;

impl Serialize for Always {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(true)
    }
}

/// The trace context: null, or an object. Any other form is ignored.
#[derive(Default)]
pub(super) struct Trace(pub(super) Option<TraceParent>);

impl Serialize for Trace {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = self.0.as_ref().map(|of| TraceMembers {
            trace_id: of.trace_id(),
            parent_id: of.parent_id(),
            sampled: of.is_sampled(),
        });
        members.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Trace {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let members = TraceMembers::deserialize(value).ok();
        let parent =
            members.and_then(|of| TraceParent::of(&of.trace_id, &of.parent_id, of.sampled));
        Ok(Self(parent))
    }
}

#[derive(Serialize, Deserialize)]
struct TraceMembers {
    trace_id: String,
    parent_id: String,
    sampled: bool,
}

/// The positions of a message in a log of ours, and what travels with it.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Members {
    #[serde(rename = "protean.position")]
    pub(super) position: Option<u64>,
    #[serde(rename = "protean.stream_position")]
    pub(super) stream_position: Option<u64>,
    /// The flags of a trace context that has more than the one in the headers.
    #[serde(rename = "protean.trace_flags", skip_serializing_if = "Option::is_none")]
    pub(super) trace_flags: Option<u8>,
    #[serde(flatten, deserialize_with = "received")]
    pub(super) metadata: Travelling,
}

impl Members {
    /// Those of a message at these places.
    pub(super) fn of(places: Option<(u64, u64)>, extensions: &Extensions) -> Self {
        let (position, stream_position) = places.unzip();
        let trace_flags = extensions.traceparent.and_then(|of| of.further_flags());
        Self { position, stream_position, trace_flags, metadata: extensions.metadata.clone() }
    }
}

/// The metadata of an entry; values that are not strings become JSON.
fn received<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Travelling, D::Error> {
    let sent = BTreeMap::<String, Value>::deserialize(deserializer)?.into_iter();
    Ok(Travelling::received(sent.map(|(key, value)| match value {
        Value::String(text) => (key, text),
        other => (key, other.to_string()),
    })))
}
