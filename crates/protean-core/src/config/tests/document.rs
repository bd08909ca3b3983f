//! The page of the reference that lists every setting.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::effects::{Effect, SUBSCRIPTIONS};
use super::meanings::MEANINGS;
use super::settings::effect_of;
use crate::config::form::Form;
use crate::config::profile::BUILT_IN;
use crate::config::section::{Asked, Key};

const HEAD: &str = "\
# Settings

Every key of `domain.toml`, and of a table `[ENVIRONMENT.…]` that `PROTEAN_ENV=ENVIRONMENT` lays over it.
`NAME` is a name of your own: of a broker, a profile or a handler. `${VARIABLE|default}` in a value is filled in
from the environment. A test makes this page from what the program reads; do not edit it:
`WRITE_REFERENCE=1 cargo test -p protean-core settings`.
";

const SUBSCRIPTIONS_HEAD: &str = "
## Subscriptions

These keys are about the subscription of one handler. They stand in the sections that the last column names:
in `[server]` for every handler, in `[server.subscriptions.NAME]` for one, in `[server.profiles.NAME]` for those
that name the profile, and in `[server.stream_subscription]`, `[server.event_store_subscription]` and
`[server.broker_subscription]` for all that read a broker's streams, the log, or the streams of other systems.
What the code of a handler says counts most: its options, such as `#[projector(projection = Rows, on_dead_letter = \"skip\")]`,
then the profile that it names. Then come `[server.subscriptions.NAME]`, `[server]` with the section of its type, and the
default profile.

| key | value | default | effect | in |
|---|---|---|---|---|
";

const UNUSED_HEAD: &str = "
## Without an effect

These keys are known, mostly from Protean for Python 0.18, and change nothing. One that asks for
something else than what happens anyway is answered: with a warning, which `check` lists, or with
an error.

| key | accepted | answer | because |
|---|---|---|---|
";

/// The sentence about a key.
pub(super) fn meaning_of(path: &str) -> Option<&'static str> {
    let (section, key) = path.rsplit_once('.').unwrap_or(("", path));
    let speaks = |known: &str| known == path || (known == key && SUBSCRIPTIONS.contains(&section));
    MEANINGS.iter().find(|(known, _)| speaks(known)).map(|(_, meaning)| *meaning)
}

/// One row: the names of a key, its value, its default and what it does.
fn row(keys: &[Key], key: &Key, effects: &[(&str, Effect)]) -> Option<String> {
    let form = match &key.asked {
        Asked::Value(form) => Some(form),
        Asked::Free => None,
        _ => return None,
    };
    let default = match (effect_of(effects, &key.path)?.1, form) {
        (Effect::Field { default, .. }, Some(form)) => default(form),
        (Effect::Reader(says), _) if says.starts_with("strict") => "strict".to_owned(),
        _ => "none".to_owned(),
    };
    let value = form.map_or("a table".to_owned(), Form::to_string);
    let meaning = meaning_of(&key.path).unwrap_or_default();
    let name = key.path.rsplit('.').next().unwrap_or_default();
    Some(format!("| `{name}`{} | {value} | {default} | {meaning} |", aliases(keys, &key.path)))
}

/// The other names of a key.
fn aliases(keys: &[Key], path: &str) -> String {
    let (section, name) = path.rsplit_once('.').unwrap_or(("", path));
    let is_alias = |key: &&Key| matches!(key.asked, Asked::AliasOf(of) if of == name);
    let others = keys.iter().filter(is_alias).filter_map(|key| key.path.rsplit_once('.'));
    let others = others.filter(|(of, other)| *of == section && *other != name);
    others.map(|(_, other)| format!(", `{other}`")).collect()
}

/// True for a key that speaks of subscriptions, wherever it stands.
fn is_of_subscriptions(section: &str, name: &str) -> bool {
    SUBSCRIPTIONS.contains(&section) && MEANINGS.iter().any(|(known, _)| *known == name)
}

pub(super) fn document(keys: &[Key], effects: &[(&str, Effect)]) -> String {
    let mut sections: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut subscriptions: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for key in keys {
        let Some(row) = row(keys, key, effects) else { continue };
        let (section, name) = key.path.rsplit_once('.').unwrap_or(("", &key.path));
        if is_of_subscriptions(section, name) {
            subscriptions.entry(row).or_default().push(section);
        } else {
            sections.entry(section).or_default().push(row);
        }
    }
    let mut text = HEAD.to_owned();
    for (section, rows) in sections {
        let title =
            if section.is_empty() { "The top of the file" } else { &format!("`[{section}]`") };
        let _ =
            write!(text, "\n## {title}\n\n| key | value | default | effect |\n|---|---|---|---|\n");
        text.extend(rows.into_iter().map(|row| row + "\n"));
    }
    text += SUBSCRIPTIONS_HEAD;
    for (row, sections) in subscriptions {
        let sections: Vec<_> = sections.iter().map(|section| format!("`{section}`")).collect();
        let _ = writeln!(text, "{row} {} |", sections.join(", "));
    }
    text += &profiles();
    text += UNUSED_HEAD;
    for key in keys {
        text += &unused(key).unwrap_or_default();
    }
    text
}

/// What the built-in profiles say; an empty cell leaves it to the next place.
fn profiles() -> String {
    let mut text = "
## Built-in profiles

A profile is a set of these keys under a name. An empty cell leaves the key to the next place.

| profile | `subscription_type` | `messages_per_tick` | `blocking_timeout_ms` | `max_retries` | `retry_delay_seconds` | `enable_dlq` |
|---|---|---|---|---|---|---|
"
    .to_owned();
    for profile in BUILT_IN {
        let says = profile.settings;
        let cells = [
            says.subscription_type.map(|kind| kind.to_string()),
            says.messages_per_tick.map(|count| count.to_string()),
            says.blocking_timeout.map(|wait| wait.as_millis().to_string()),
            says.max_retries.map(|count| count.to_string()),
            says.retry_delay.map(|wait| wait.as_secs().to_string()),
            says.enable_dlq.map(|kept| kept.to_string()),
        ];
        let cells = cells.map(Option::unwrap_or_default).join(" | ");
        let _ = writeln!(text, "| `{}` | {cells} |", profile.name);
    }
    text
}

fn unused(key: &Key) -> Option<String> {
    let (answer, unused) = match &key.asked {
        Asked::Ignored(unused) => ("warning", unused),
        Asked::Refused(unused) => ("error", unused),
        _ => return None,
    };
    let accepted = unused.unless.map(|fixed| format!("`{fixed}`")).unwrap_or_default();
    Some(format!("| `{}` | {accepted} | {answer} | {} |\n", key.path, unused.because))
}
