//! Whether a command whose idempotency key is taken is the same command again.
//!
//! What its sender made anew for this attempt does not count: identities and moments from the time
//! at which the command was sent. Everything else has to be equal.

use std::collections::BTreeSet;
use std::time::Duration;

use protean_port::message::{Message, Timestamp};
use protean_port::port::{Find, Store};
use protean_port::{Result, Violations};
use serde_json::Value;
use uuid::Uuid;

use crate::unit::Env;

/// An identity or a moment was made for an attempt when it is so close to its sending.
const MADE_WITHIN: Duration = Duration::from_secs(60);
/// How much of a value is shown.
const MAX_SHOWN_CHARS: usize = 60;

/// Checks that a command repeats the one that came first with its key.
///
/// # Errors
/// [Invalid](protean_port::Error::is_invalid), with both values of each field that differs; or when the store
/// cannot be read.
pub(super) async fn check(env: &Env, store: &dyn Store, first: &str, again: &Message) -> Result {
    let find = Find { message_id: Some(first.into()), ..Find::first(1) };
    let Some(first) = store.find(find).await?.pop() else { return Ok(()) };
    let key = again.extensions.idempotency_key.as_deref().unwrap_or_default();
    differences(key, &present(env, &first.message, again), again).into_result()
}

/// The first command as it is in the version of the one that came again.
fn present(env: &Env, first: &Message, again: &Message) -> Message {
    let chain = env.catalog.upcast_chain(first.stream.category(), first.name());
    let old = chain.filter(|_| first.version < again.version);
    let upcast = old.and_then(|chain| chain.upcast(&first.data, first.version).ok());
    match upcast {
        Some(data) => Message { data: data.into(), version: again.version, ..first.clone() },
        None => first.clone(),
    }
}

/// Both values of each field that differs.
fn differences(key: &str, first: &Message, again: &Message) -> Violations {
    let mut found = Violations::new();
    let parse = |message: &Message| serde_json::from_str::<Value>(&message.data);
    // Two versions without a way from one to the other cannot be compared.
    if first.version == again.version
        && let (Ok(one), Ok(other)) = (parse(first), parse(again))
    {
        let comparison = Comparison { key, first, again };
        comparison.compare("", &one, &other, &mut found);
    }
    found
}

/// Two commands with one key.
struct Comparison<'a> {
    key: &'a str,
    first: &'a Message,
    again: &'a Message,
}

impl Comparison<'_> {
    fn compare(&self, path: &str, one: &Value, other: &Value, found: &mut Violations) {
        match (one, other) {
            (Value::Object(one), Value::Object(other)) => {
                let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
                for name in names {
                    let of = |members: &serde_json::Map<String, Value>| {
                        members.get(name).cloned().unwrap_or(Value::Null)
                    };
                    let dot = if path.is_empty() { "" } else { "." };
                    let path = format!("{path}{dot}{name}");
                    self.compare(&path, &of(one), &of(other), found);
                }
            }
            (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
                for (at, (one, other)) in one.iter().zip(other).enumerate() {
                    self.compare(&format!("{path}[{at}]"), one, other, found);
                }
            }
            _ if one == other => {}
            _ if is_made_for(self.first, one) && is_made_for(self.again, other) => {}
            _ => found.add(
                path,
                format!(
                    "is {}, was {} in the first command with the idempotency key '{}'",
                    shown(other),
                    shown(one),
                    self.key
                ),
            ),
        }
    }
}

/// True for an identity or a moment that was made when the message was.
fn is_made_for(message: &Message, value: &Value) -> bool {
    let Value::String(text) = value else { return false };
    let is_near = |moment: Duration, other: Duration| moment.abs_diff(other) <= MADE_WITHIN;
    match (made_at(text), made_at(&message.id), text.parse::<Timestamp>()) {
        (Some(made), Some(sent), _) => is_near(made, sent),
        (_, _, Ok(moment)) => {
            let micros = moment.as_micros().abs_diff(message.time.as_micros());
            Duration::from_micros(micros) <= MADE_WITHIN
        }
        _ => false,
    }
}

/// When a fresh identity was made.
fn made_at(text: &str) -> Option<Duration> {
    let uuid = Uuid::try_parse(text).ok().filter(|uuid| uuid.get_version_num() == 7)?;
    let (seconds, nanos) = uuid.get_timestamp()?.to_unix();
    Some(Duration::new(seconds, nanos))
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
