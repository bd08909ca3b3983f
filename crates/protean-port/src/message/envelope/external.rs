//! The envelope of an event for other systems, without what only its own domain uses.

use serde::Serialize;
use serde_json::value::RawValue;

use super::layout::{Headers, Text};
use super::unreadable::Unreadable;
use super::{Envelope, headers, origin};
use crate::message::{Metadata as Travelling, Recorded};

#[derive(Serialize)]
struct Entry<'a> {
    data: &'a RawValue,
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    headers: Headers<'a>,
    domain: Origin<'a>,
    envelope: Seal,
    #[serde(skip_serializing_if = "Travelling::is_empty")]
    extensions: Travelling,
}

/// The part of the origin that is useful outside the domain.
#[derive(Serialize)]
struct Origin<'a> {
    fqn: Option<Text<'a>>,
    kind: Text<'a>,
    origin_stream: (),
    stream_category: Option<Text<'a>>,
    version: Option<u32>,
    sequence_id: Option<Text<'a>>,
    correlation_id: Option<Text<'a>>,
    causation_id: Option<Text<'a>>,
}

#[derive(Serialize)]
struct Seal {
    specversion: &'static str,
}

impl Envelope {
    /// The envelope of an event for brokers of other systems: without checksum, priority and
    /// log positions, and of its metadata only what has one of these keys. The fields are copied
    /// byte for byte.
    ///
    /// # Errors
    /// When the fields are not JSON.
    pub fn external(
        recorded: &Recorded,
        domain: &str,
        keys: &[String],
    ) -> Result<Self, Unreadable> {
        let message = &recorded.message;
        let not_json = |error: serde_json::Error| Unreadable::new(format!("not JSON: {error}"));
        let origin = origin(message, domain);
        let entry = Entry {
            data: serde_json::from_str(&message.data).map_err(not_json)?,
            metadata: Metadata {
                headers: headers(message),
                domain: Origin {
                    fqn: origin.fqn,
                    kind: origin.kind,
                    origin_stream: (),
                    stream_category: origin.stream_category,
                    version: origin.version,
                    sequence_id: origin.sequence_id,
                    correlation_id: origin.correlation_id,
                    causation_id: origin.causation_id,
                },
                envelope: Seal { specversion: "1.0" },
                extensions: message.extensions.metadata.only(keys),
            },
        };
        serde_json::to_string(&entry).map(Self).map_err(not_json)
    }
}
