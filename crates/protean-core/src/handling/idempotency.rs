//! Idempotency keys: a command of one type with the same key is handled once.

use std::sync::Arc;

use protean_port::message::{Message, Timestamp};
use protean_port::port::KeyClaim;

/// A moment that does not come.
pub(crate) const NEVER: Timestamp = Timestamp::from_micros(i64::MAX);

/// The idempotency key of a command, and what it stands for until it expires.
pub(crate) fn key_claim(
    message: &Message,
    output: Option<Arc<str>>,
    expires: Timestamp,
) -> Option<KeyClaim> {
    let key = message.extensions.idempotency_key.clone()?;
    // The key is the same in every version of the command.
    let command = Arc::from(message.name());
    let (message_id, time) = (Arc::clone(&message.id), message.time);
    Some(KeyClaim { command, key, message_id, output, time, expires })
}
