//! The idempotency keys of the commands that a handler has issued: looked up once it has run, claimed
//! by its unit. A key that another unit claims in between leaves this unit out, and it runs again.

use protean_port::Result;
use protean_port::message::Message;
use protean_port::port::{KeyWrite, Store};
use tracing::debug;

use super::idempotency::{NEVER, key_claim};
use super::repetition;
use crate::unit::{CompletedUnit, Env, KeyedCommand};

/// Claims the keys of the commands that a unit has issued, and leaves out the commands whose key was
/// taken before: by a command in the store, by an earlier one of the unit, or by `handled`, the
/// command at hand if no log has it yet.
///
/// # Errors
/// [Invalid](protean_port::Error::is_invalid), with both values, when the first command with the key
/// has other content; or when the store cannot be read.
pub(crate) async fn claim_issued_keys(
    env: &Env,
    store: &dyn Store,
    handled: Option<&Message>,
    unit: &mut CompletedUnit,
) -> Result {
    let mut sent: Vec<Message> = handled.cloned().into_iter().collect();
    for KeyedCommand { message, rewrite } in std::mem::take(&mut unit.keyed) {
        // The key is held until the command is handled, however long that takes.
        let Some(claim) = key_claim(&message, NEVER) else { continue };
        if let Some(first) = sent.iter().find(|first| has_same_key(first, &message)) {
            repetition::compare(env, first, &message, rewrite)?;
            leave_out(unit, &message, &first.id);
            continue;
        }
        match store.known(&claim.command, &claim.key, claim.time).await? {
            Some(first) if first.message_id != claim.message_id => {
                let first = &first.message_id;
                repetition::check_sent(env, store, first, &message, rewrite).await?;
                leave_out(unit, &message, first);
            }
            // Free, or claimed by this very command, which the store allows.
            _ => {
                unit.changes.keys.push(KeyWrite::Claim(claim));
                sent.push(message);
            }
        }
    }
    Ok(())
}

fn has_same_key(first: &Message, again: &Message) -> bool {
    let key = |of: &Message| of.extensions.idempotency_key.clone();
    first.name() == again.name() && key(first) == key(again)
}

fn leave_out(unit: &mut CompletedUnit, message: &Message, first: &str) {
    let key = message.extensions.idempotency_key.as_deref().unwrap_or_default();
    debug!(command = message.name(), key, first, "not sent: its idempotency key is taken");
    unit.leave_out(&message.id);
}
