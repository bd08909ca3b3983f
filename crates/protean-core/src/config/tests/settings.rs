//! No setting without an effect: each key that a reader asks for is read outside the
//! configuration, or answered. `docs/reference/settings.md` shows them all and is made here:
//!
//! ```sh
//! WRITE_SETTINGS=1 cargo test -p protean-core settings
//! ```

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use super::sources::{Source, sources, workspace};
use crate::config::config::{Config, read};
use crate::config::form::{Choice, Form};
use crate::config::section::{Asked, Key, survey};
use crate::config::subscription::{SubscriptionConfig, SubscriptionType};

/// The document, below the workspace.
const DOCUMENT: &str = "docs/reference/settings.md";

/// What a key is for.
enum Effect {
    /// It becomes a field, which a file outside the configuration reads when it mentions all
    /// of these words.
    Field { default: Box<dyn Fn(&Form) -> String>, words: &'static [&'static str] },
    /// It only matters to the reader.
    Reader(&'static str),
}

/// The field of an expression, its words when the name of the field alone is not enough, and
/// its default in words when the default depends on other keys.
macro_rules! field {
    ($object:ident $(. $field:ident)+) => {
        field!($object $(. $field)+ => [field!(@last $($field)+)])
    };
    ($object:ident $(. $field:ident)+ => [$($word:expr),+]) => {{
        let value = $object $(. $field)+.clone();
        Effect::Field { default: Box::new(move |form| value.shown(form)), words: &[$($word),+] }
    }};
    ($object:ident $(. $field:ident)+ => [$($word:expr),+], $default:literal) => {{
        let _ = &$object $(. $field)+;
        Effect::Field { default: Box::new(|_| $default.to_owned()), words: &[$($word),+] }
    }};
    (@last $field:ident) => { concat!(".", stringify!($field)) };
    (@last $first:ident $($field:ident)+) => { field!(@last $($field)+) };
}

/// Each key with its effect. A key of a subscription stands for that key of each section
/// that speaks of subscriptions.
fn effects() -> Vec<(&'static str, Effect)> {
    let config = Config::default();
    let inline = config.brokers["default"].clone();
    let mut effects = vec![
        ("event_processing", field!(config.event_processing)),
        ("command_processing", field!(config.command_processing)),
        ("message_processing", field!(config.message_processing)),
        ("command_default_timeout", field!(config.command_default_timeout)),
        ("snapshot_threshold", field!(config.snapshot_threshold)),
        (
            "enable_outbox",
            field!(config.enable_outbox => [".enable_outbox"], "true with streams, else false"),
        ),
        ("lenient_deserialization", field!(config.lenient_deserialization)),
        ("custom", Effect::Reader("the application's own: `domain.config().custom`")),
        ("databases.default.provider", field!(config.database.provider => ["database.provider"])),
        ("databases.default.database_uri", field!(config.database.uri => ["database.uri"])),
        (
            "databases.default.pool_size",
            field!(config.database.pool_size => ["database.pool_size"], "4 with SQLite, else 5"),
        ),
        (
            "databases.default.synchronous",
            field!(config.database.synchronous => ["database.synchronous"]),
        ),
        ("brokers.NAME.provider", field!(inline.provider => ["broker.provider"])),
        ("brokers.NAME.URI", field!(inline.uri => ["broker.uri"])),
        (
            "brokers.NAME.max_connections",
            field!(inline.max_connections => ["broker.max_connections"]),
        ),
        ("brokers.NAME.socket_timeout", field!(inline.socket_timeout => ["broker.socket_timeout"])),
        (
            "brokers.NAME.socket_connect_timeout",
            field!(inline.socket_connect_timeout => ["broker.socket_connect_timeout"]),
        ),
        ("event_store.provider", Effect::Reader("must be that of the default database")),
        ("event_store.database_uri", Effect::Reader("must be that of the default database")),
        ("idempotency.ttl", field!(config.idempotency.ttl => ["idempotency.ttl"])),
        (
            "idempotency.error_ttl",
            field!(config.idempotency.error_ttl => ["idempotency.error_ttl"]),
        ),
    ];
    effects.extend(outbox_effects(&config));
    effects.extend(server_effects(&config));
    effects.extend(subscription_effects());
    effects
}

fn outbox_effects(config: &Config) -> Vec<(&'static str, Effect)> {
    let outbox = &config.outbox;
    let retry = &outbox.retry;
    vec![
        ("outbox.broker", field!(outbox.broker => ["outbox.broker"])),
        ("outbox.external_brokers", field!(outbox.external_brokers)),
        ("outbox.tick_interval", field!(outbox.tick_interval => ["outbox.tick_interval"])),
        ("outbox.retry.max_attempts", field!(retry.max_attempts => ["retry.max_attempts"])),
        (
            "outbox.retry.base_delay_seconds",
            field!(retry.base_delay => ["OutboxRetry", "base_delay"]),
        ),
        (
            "outbox.retry.max_backoff_seconds",
            field!(retry.max_backoff => ["OutboxRetry", "max_backoff"]),
        ),
        (
            "outbox.retry.backoff_multiplier",
            field!(retry.backoff_multiplier => ["OutboxRetry", "backoff_multiplier"]),
        ),
        ("outbox.retry.jitter", field!(retry.jitter => ["retry.jitter"])),
        ("outbox.retry.jitter_factor", field!(retry.jitter_factor => ["retry.jitter_factor"])),
    ]
}

fn server_effects(config: &Config) -> Vec<(&'static str, Effect)> {
    let server = &config.server;
    let (lanes, health, dlq) = (&server.priority_lanes, &server.health, &server.dlq);
    let retry = &server.version_retry;
    vec![
        ("server.concurrency", field!(server.concurrency => ["server.concurrency"])),
        ("server.reserved", field!(server.reserved => ["server.reserved"])),
        ("server.lease_seconds", field!(server.lease => ["server.lease"])),
        ("server.drain_timeout", field!(server.drain_timeout => ["server.drain_timeout"])),
        (
            "server.allow_vanished_groups",
            field!(server.allow_vanished_groups => ["server.allow_vanished_groups"]),
        ),
        ("server.priority_lanes.enabled", field!(lanes.enabled => ["lanes.enabled"])),
        ("server.priority_lanes.threshold", field!(lanes.threshold => ["lanes.threshold"])),
        ("server.priority_lanes.backfill_suffix", field!(lanes.backfill_suffix)),
        (
            "server.priority_lanes.policy",
            Effect::Reader("strict when unset; decides whether min_share or aging_ms applies"),
        ),
        ("server.priority_lanes.min_share", field!(lanes.min_share => ["lanes.min_share"])),
        ("server.priority_lanes.aging_ms", field!(lanes.aging => ["priority_lanes.aging"])),
        ("server.priority_lanes.backfill_latency_target_ms", field!(lanes.backfill_latency_target)),
        (
            "server.priority_lanes.production_latency_target_ms",
            field!(lanes.production_latency_target),
        ),
        ("server.priority_lanes.backfill_high_water", field!(lanes.backfill_high_water)),
        ("server.priority_lanes.backfill_entries", field!(lanes.backfill_entries)),
        ("server.priority_lanes.backfill_low_water", field!(lanes.backfill_low_water)),
        ("server.priority_lanes.producer_high_water", field!(lanes.producer_high_water)),
        ("server.version_retry.enabled", field!(retry.enabled => ["version_retry", ".enabled"])),
        (
            "server.version_retry.max_retries",
            field!(retry.max_retries => ["version_retry", ".max_retries"]),
        ),
        (
            "server.version_retry.base_delay_seconds",
            field!(retry.base_delay => ["version_retry", ".base_delay"]),
        ),
        (
            "server.version_retry.max_delay_seconds",
            field!(retry.max_delay => ["version_retry", ".max_delay"]),
        ),
        ("server.dlq.enabled", field!(dlq.enabled => ["dlq.enabled"])),
        ("server.dlq.retention_hours", field!(dlq.retention => ["server.dlq", ".retention"])),
        ("server.dlq.alert_threshold", field!(dlq.alert_threshold)),
        ("server.dlq.check_interval_seconds", field!(dlq.check_interval)),
        ("server.health.enabled", field!(health.enabled => ["HealthConfig", ".enabled"])),
        ("server.health.host", field!(health.host => ["HealthConfig", ".host"])),
        ("server.health.port", field!(health.port => ["HealthConfig", ".port"])),
        ("server.health.port_auto_increment", field!(health.port_auto_increment)),
        (
            "server.default_subscription_profile",
            Effect::Reader("chooses the settings of a profile"),
        ),
        ("server.profiles.NAME.inherits", Effect::Reader("chooses the settings of a profile")),
        ("server.subscriptions.NAME.profile", Effect::Reader("chooses the settings of a profile")),
    ]
}

/// The sections that speak of subscriptions.
const SUBSCRIPTIONS: [&str; 6] = [
    "server",
    "server.broker_subscription",
    "server.event_store_subscription",
    "server.profiles.NAME",
    "server.stream_subscription",
    "server.subscriptions.NAME",
];

fn subscription_effects() -> Vec<(&'static str, Effect)> {
    let subscription = SubscriptionConfig::built_in(SubscriptionType::EventStore);
    let of_type = || {
        field!(subscription.subscription_type => ["subscription.subscription_type"],
            "stream with a Redis broker, else event_store")
    };
    vec![
        ("default_subscription_type", of_type()),
        ("subscription_type", of_type()),
        (
            "messages_per_tick",
            field!(subscription.messages_per_tick => ["subscription.messages_per_tick"]),
        ),
        ("blocking_timeout_ms", field!(subscription.blocking_timeout)),
        ("max_retries", field!(subscription.max_retries => ["subscription.max_retries"])),
        ("retry_delay_seconds", field!(subscription.retry_delay => ["subscription.retry_delay"])),
        ("enable_dlq", field!(subscription.enable_dlq)),
        ("circuit_breaker_threshold", field!(subscription.circuit_breaker_threshold)),
        ("circuit_breaker_reset_seconds", field!(subscription.circuit_breaker_reset)),
        ("ordering", field!(subscription.ordering => ["subscription.ordering"])),
        ("on_dead_letter", field!(subscription.on_dead_letter)),
        ("start_from", field!(subscription.start_from => [".start_from"], "the kind of handler")),
        ("handler_timeout_seconds", field!(subscription.handler_timeout)),
    ]
}

/// The default of a key, as the file would write it.
trait Shown {
    fn shown(&self, form: &Form) -> String;
}

impl<T: Choice> Shown for T {
    fn shown(&self, _: &Form) -> String {
        self.name().to_owned()
    }
}

impl Shown for Duration {
    fn shown(&self, form: &Form) -> String {
        let Form::Duration(unit) = form else { panic!("a duration is read as {form}") };
        (self.as_secs_f64() / unit.in_seconds()).to_string()
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self, form: &Form) -> String {
        self.as_ref().map_or("none".to_owned(), |value| value.shown(form))
    }
}

impl Shown for Vec<String> {
    fn shown(&self, _: &Form) -> String {
        format!("{self:?}")
    }
}

macro_rules! shown {
    ($($ty:ty),+) => {$(
        impl Shown for $ty {
            fn shown(&self, _: &Form) -> String {
                self.to_string()
            }
        }
    )+};
}

shown!(bool, f64, i32, String, u16, u32, u64, usize);

/// The line of the table that speaks of this key.
fn effect_of<'a>(effects: &'a [(&str, Effect)], path: &str) -> Option<(usize, &'a Effect)> {
    let (section, key) = path.rsplit_once('.').unwrap_or(("", path));
    let speaks = |known: &str| known == path || (known == key && SUBSCRIPTIONS.contains(&section));
    let at = effects.iter().position(|(known, _)| speaks(known))?;
    Some((at, &effects[at].1))
}

fn readers<'a>(words: &[&str], sources: &'a [Source]) -> Vec<&'a str> {
    let readers = sources.iter().filter(|source| source.mentions(words));
    readers.map(|source| source.path.as_str()).collect()
}

/// Everything that is wrong with the table, given the keys that readers ask for.
fn faults(keys: &[Key], effects: &[(&str, Effect)], sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut used = vec![false; effects.len()];
    for Key { path, asked } in keys {
        match (asked, effect_of(effects, path)) {
            (Asked::Value(_) | Asked::Free, None) => faults.push(format!(
                "{path}: a reader asks for it, and `effects` does not say what reads it"
            )),
            (Asked::Value(_) | Asked::Free, Some((at, effect))) => {
                used[at] = true;
                if let Effect::Field { words, .. } = effect
                    && readers(words, sources).is_empty()
                {
                    faults.push(format!(
                        "{path}: nothing outside the configuration mentions {words:?}: \
                         let it have an effect, or answer it with `Section::ignored`"
                    ));
                }
            }
            _ => {}
        }
    }
    let stale = effects.iter().zip(used).filter(|(_, used)| !used);
    faults.extend(stale.map(|((key, _), _)| format!("{key}: no reader asks for it any longer")));
    faults
}

fn document(keys: &[Key], effects: &[(&str, Effect)], sources: &[Source]) -> String {
    let mut text = "\
# Settings

Every key of `domain.toml`. `NAME` is a name of your own: of a broker, a profile or a handler.
The list is made by a test from what the program reads; do not edit it:
`WRITE_SETTINGS=1 cargo test -p protean-core settings`.

| key | value | default | read in |
|---|---|---|---|
"
    .to_owned();
    let read = keys.iter().filter(|key| matches!(key.asked, Asked::Value(_) | Asked::Free));
    for Key { path, asked } in read {
        let form = if let Asked::Value(form) = asked { Some(form) } else { None };
        let value = form.map_or("a table".to_owned(), ToString::to_string);
        let (default, read_in) = match effect_of(effects, path) {
            Some((_, Effect::Field { default, words })) => (
                form.map_or(String::new(), default),
                format!("`{}`", readers(words, sources).join("`, `")),
            ),
            Some((_, Effect::Reader(what))) => ("none".to_owned(), (*what).to_owned()),
            None => continue,
        };
        let aliases = aliases(keys, path);
        let _ = writeln!(text, "| `{path}`{aliases} | {value} | {default} | {read_in} |");
    }
    text += "
## Without an effect

These keys are known, mostly from Protean for Python 0.18, and change nothing. One that asks for
something else than what happens anyway is answered: with a warning, which `check` lists, or with
an error.

| key | accepted | answer | because |
|---|---|---|---|
";
    for Key { path, asked } in keys {
        let (answer, unused) = match asked {
            Asked::Ignored(unused) => ("warning", unused),
            Asked::Refused(unused) => ("error", unused),
            _ => continue,
        };
        let accepted = unused.unless.map(|fixed| format!("`{fixed}`")).unwrap_or_default();
        let _ = writeln!(text, "| `{path}` | {accepted} | {answer} | {} |", unused.because);
    }
    text
}

/// The other names of a key.
fn aliases(keys: &[Key], path: &str) -> String {
    let (section, name) = path.rsplit_once('.').unwrap_or(("", path));
    let is_alias = |key: &&Key| matches!(key.asked, Asked::AliasOf(of) if of == name);
    let others = keys.iter().filter(is_alias).filter_map(|key| key.path.rsplit_once('.'));
    let others = others.filter(|(of, other)| *of == section && *other != name);
    others.map(|(_, other)| format!(", `{other}`")).collect()
}

fn known_keys() -> Vec<Key> {
    let mut keys = survey(read);
    keys.sort_by(|a, b| a.path.cmp(&b.path));
    keys
}

#[test]
fn every_setting_has_an_effect_or_an_answer() {
    let faults = faults(&known_keys(), &effects(), &sources());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_setting_that_nothing_reads_is_found() {
    let keys = ["a", "b", "server.ordering"]
        .map(|path| Key { path: path.to_owned(), asked: Asked::Value(Form::Flag) });
    let reader = || Effect::Field { default: Box::new(|_| String::new()), words: &[".read"] };
    let idle = || Effect::Field { default: Box::new(|_| String::new()), words: &[".idle"] };
    let sources = [Source::new("a.rs", "config.read")];
    let of = |effects: &[(&str, Effect)]| faults(&keys, effects, &sources).join("\n");
    assert_eq!(of(&[("a", reader()), ("b", reader()), ("ordering", reader())]), "");
    let unknown = of(&[("a", reader()), ("ordering", reader())]);
    assert!(unknown.starts_with("b: a reader asks for it"), "{unknown}");
    let idle = of(&[("a", reader()), ("b", idle()), ("ordering", reader())]);
    assert!(idle.starts_with("b: nothing outside the configuration mentions"), "{idle}");
    let stale = of(&[("a", reader()), ("b", reader()), ("ordering", reader()), ("c", reader())]);
    assert!(stale.starts_with("c: no reader asks for it"), "{stale}");
}

#[test]
fn the_table_of_settings_is_up_to_date() {
    let made = document(&known_keys(), &effects(), &sources());
    let file = workspace().join(DOCUMENT);
    if std::env::var_os("WRITE_SETTINGS").is_some() {
        fs::create_dir_all(file.parent().expect("a folder")).expect("the folder");
        fs::write(&file, &made).expect("the table");
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    let differs = made.lines().find(|line| !found.lines().any(|found| found == *line));
    assert!(
        found == made,
        "{DOCUMENT} is not what the program reads: run\n  \
         WRITE_SETTINGS=1 cargo test -p protean-core settings\nand look at the difference: {}",
        differs.unwrap_or("a line too many"),
    );
}
