//! A dead letter, as the commands show it.

use protean::Domain;
use protean::Group;
use protean::port::DeadLetter;
use protean_engine::age;
use serde::Serialize;

/// The JSON of a dead letter, without its data.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    pub(super) id: u64,
    pub(super) subscription: &'a str,
    group: &'a str,
    category: &'a str,
    message_id: &'a str,
    r#type: &'a str,
    stream: &'a str,
    stream_position: u64,
    priority: i32,
    lane: String,
    attempts: u32,
    reason: &'a str,
    failed_at: String,
}

impl<'a> Shown<'a> {
    pub(super) fn new(domain: &Domain, group: &'a Group, dead_letter: &'a DeadLetter) -> Self {
        let message = &dead_letter.recorded.message;
        Self {
            id: dead_letter.recorded.position,
            subscription: &group.handler,
            group: &group.name,
            category: group.category.as_str(),
            message_id: &message.id,
            r#type: &message.type_name,
            stream: message.stream.as_str(),
            stream_position: dead_letter.recorded.stream_position,
            priority: message.priority.value(),
            lane: domain.lanes().lane(message.priority).to_string(),
            attempts: dead_letter.attempts,
            reason: &dead_letter.reason,
            failed_at: dead_letter.time.to_string(),
        }
    }
}

/// How long ago a message was given up.
pub(super) fn given_up(domain: &Domain, dead_letter: &DeadLetter) -> String {
    format!("{} ago", age(domain.clock().now().since(dead_letter.time)))
}
