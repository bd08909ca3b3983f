//! Idempotency keys: commands of one type with the same key are handled once. A command without a
//! key whose outcome is kept uses its own id as the key.

use std::sync::Arc;
use std::time::Duration;

use protean_port::message::{Message, Timestamp};
use protean_port::port::KeyClaim;

use crate::config::Idempotency;

/// A moment that does not come.
pub(crate) const NEVER: Timestamp = Timestamp::from_micros(i64::MAX);

/// When the key of a command expires that is handled now.
pub(crate) fn expiry(message: &Message, now: Timestamp, ttl: Duration) -> Timestamp {
    if message.extensions.permanent_key { NEVER } else { now + ttl }
}

/// How long a failed command holds its key. A key set by the sender is free again soon.
pub(crate) fn error_ttl(message: &Message, idempotency: Idempotency) -> Duration {
    if has_own_key(message) { idempotency.ttl } else { idempotency.error_ttl }
}

/// How long a cancelled command holds its key. A key set by the sender is free at once.
pub(crate) fn cancelled_ttl(message: &Message, idempotency: Idempotency) -> Duration {
    if has_own_key(message) { idempotency.ttl } else { Duration::ZERO }
}

fn has_own_key(message: &Message) -> bool {
    message.extensions.idempotency_key.as_ref() == Some(&message.id)
}

/// The claim of a command on its idempotency key, before it has an outcome.
pub(crate) fn key_claim(message: &Message, expires: Timestamp) -> Option<KeyClaim> {
    let key = message.extensions.idempotency_key.clone()?;
    // The key is the same in every version of the command.
    let command = Arc::from(message.name());
    let (message_id, time) = (Arc::clone(&message.id), message.time);
    Some(KeyClaim { command, key, message_id, output: None, time, expires })
}
