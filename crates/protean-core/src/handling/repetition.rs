//! Whether a command whose idempotency key or id is taken is the same command again.
//!
//! What its sender made anew for this attempt does not count: an identity from the moment of
//! sending, and a moment that is as far from the sending as before. Everything else has to be
//! equal.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use protean_port::message::{Decimal, Message, Timestamp};
use protean_port::port::Store;
use protean_port::{Error, Result, Violations};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::sent::Sent;
use crate::model::Command;
use crate::unit::{Env, Rewrite, rewrite};

/// How long before it is sent a command is made, at most.
const MAKING_TIME: Duration = Duration::from_secs(2);
/// How much of a value is shown.
const MAX_SHOWN_CHARS: usize = 60;

/// Checks that a command repeats the one that came first with its key or its id.
///
/// # Errors
/// [Invalid](protean_port::Error::is_invalid), with both values of each field that differs; or
/// when the store cannot be read.
pub(crate) async fn check<C: Command>(
    env: &Env,
    store: &dyn Store,
    first: &str,
    again: &Message,
) -> Result {
    check_sent(env, store, first, again, rewrite::<C>).await
}

/// The same for a command whose type is known by how it is written again.
pub(super) async fn check_sent(
    env: &Env,
    store: &dyn Store,
    first: &str,
    again: &Message,
    rewrite: Rewrite,
) -> Result {
    let first = Sent::find(store, first).await?.message();
    first.map_or(Ok(()), |first| compare(env, &first, again, rewrite))
}

/// The same for a first command that is at hand.
pub(super) fn compare(env: &Env, first: &Message, again: &Message, rewrite: Rewrite) -> Result {
    if (first.stream.category(), first.name()) != (again.stream.category(), again.name()) {
        let text =
            format!("is {}, was {} in {}", again.name(), first.name(), earlier(first, again));
        return Err(Error::invalid(Violations::of("type", text)));
    }
    match present(env, first, again, rewrite) {
        Some(first) => differences(&first, again).into_result(),
        // Without a way from one form to the other they cannot be compared.
        None => Ok(()),
    }
}

/// The first command as this program would send it.
fn present(env: &Env, first: &Message, again: &Message, rewrite: Rewrite) -> Option<Message> {
    let chain = env.catalog.upcast_chain(first.stream.category(), first.name());
    let upcast = match first.version < again.version {
        true => chain?.upcast(&first.data, first.version).ok()?,
        false => first.data.to_string(),
    };
    Some(Message { data: rewrite(&upcast)?.into(), ..first.clone() })
}

/// Both values of each field that differs.
fn differences(first: &Message, again: &Message) -> Violations {
    let mut found = Violations::new();
    let parse = |message: &Message| RawValue::from_string(message.data.to_string());
    if let (Ok(one), Ok(other)) = (parse(first), parse(again)) {
        Comparison { first, again }.compare("", Some(&one), Some(&other), &mut found);
    }
    found
}

/// Two commands with one key.
struct Comparison<'a> {
    first: &'a Message,
    again: &'a Message,
}

/// The members of an object, each as it is written.
type Members<'a> = BTreeMap<String, &'a RawValue>;

impl Comparison<'_> {
    fn compare(
        &self,
        path: &str,
        one: Option<&RawValue>,
        other: Option<&RawValue>,
        found: &mut Violations,
    ) {
        let [one, other] = [one, other].map(|value| value.map_or("null", RawValue::get));
        if let (Ok(one), Ok(other)) =
            (serde_json::from_str::<Members<'_>>(one), serde_json::from_str::<Members<'_>>(other))
        {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for name in names {
                let dot = if path.is_empty() { "" } else { "." };
                let (one, other) = (one.get(name).copied(), other.get(name).copied());
                self.compare(&format!("{path}{dot}{name}"), one, other, found);
            }
            return;
        }
        let list = |text| serde_json::from_str::<Vec<&RawValue>>(text).ok();
        if let (Some(one), Some(other)) = (list(one), list(other))
            && one.len() == other.len()
        {
            for (at, (one, other)) in one.into_iter().zip(other).enumerate() {
                self.compare(&format!("{path}[{at}]"), Some(one), Some(other), found);
            }
            return;
        }
        if !self.is_same(one, other) {
            let (is, was) = (shown(other), shown(one));
            let text = format!("is {is}, was {was} in {}", earlier(self.first, self.again));
            found.add(path, text);
        }
    }

    /// True for equal values, and for those that were made anew.
    fn is_same(&self, one: &str, other: &str) -> bool {
        let number = |text: &str| text.parse::<Decimal>().ok();
        if one == other || number(one).is_some_and(|one| number(other) == Some(one)) {
            return true;
        }
        let text = |json| serde_json::from_str::<String>(json).ok();
        let (Some(one), Some(other)) = (text(one), text(other)) else { return false };
        let is_fresh = |message: &Message, id: &str| match (made_at(id), sent_at(message)) {
            (Some(made), Some(sent)) => made.abs_diff(sent) <= MAKING_TIME,
            _ => false,
        };
        if is_fresh(self.first, &one) && is_fresh(self.again, &other) {
            return true;
        }
        let since_sending = |message: &Message, moment: &str| {
            let moment = moment.parse::<Timestamp>().ok()?;
            Some(i128::from(moment.as_micros()) - i128::from(message.time.as_micros()))
        };
        match (since_sending(self.first, &one), since_sending(self.again, &other)) {
            (Some(one), Some(other)) => (one - other).unsigned_abs() <= MAKING_TIME.as_micros(),
            _ => false,
        }
    }
}

/// When a fresh identity was made.
fn made_at(text: &str) -> Option<Duration> {
    let uuid = Uuid::try_parse(text).ok().filter(|uuid| uuid.get_version_num() == 7)?;
    let (seconds, nanos) = uuid.get_timestamp()?.to_unix();
    Some(Duration::new(seconds, nanos))
}

/// When a command was sent. The id of one that a handler has issued does not say it.
fn sent_at(message: &Message) -> Option<Duration> {
    let time = || u64::try_from(message.time.as_micros()).ok().map(Duration::from_micros);
    made_at(&message.id).or_else(time)
}

/// The first command by what both have.
fn earlier(first: &Message, again: &Message) -> String {
    match &again.extensions.idempotency_key {
        Some(key) if first.id != again.id => format!("the first command with the key '{key}'"),
        _ => format!("the command with the id '{}'", first.id),
    }
}

fn shown(json: &str) -> String {
    match json.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &json[..end]),
        None => json.to_owned(),
    }
}
