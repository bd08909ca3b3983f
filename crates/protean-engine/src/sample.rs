//! A message for unit tests.

use std::sync::Arc;

use protean_port::message::{Category, Extensions, Kind, Message, Priority, Recorded, Timestamp};
use protean_port::port::Delivery;

/// An event at this position of the log that was not tried yet.
pub(crate) fn delivery(position: u64) -> Delivery {
    let message = Message {
        id: Arc::from("m"),
        stream: Category::named("c").stream(&"1".into()),
        kind: Kind::Event,
        type_name: Arc::from("C.E.v1"),
        version: 1,
        priority: Priority::NORMAL,
        correlation_id: Arc::from("m"),
        causation_id: None,
        time: Timestamp::default(),
        data: Arc::from("{}"),
        extensions: Extensions::default(),
    };
    let recorded = Recorded { position, stream_position: 0, message };
    Delivery { recorded, next: 0, attempts: 0, parked: false }
}
