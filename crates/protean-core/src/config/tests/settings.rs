//! No setting without an effect: each key that a reader asks for is read outside the
//! configuration, or answered. `docs/book/src/reference/settings.md` shows them all and is made here:
//!
//! ```sh
//! WRITE_SETTINGS=1 cargo test -p protean-core settings
//! ```

use std::fmt::Write as _;
use std::fs;

use super::effects::{Effect, SUBSCRIPTIONS, effects};
use super::sources::{Source, sources, workspace};
use crate::config::config::read;
use crate::config::form::Form;
use crate::config::section::{Asked, Key, survey};

/// The document, below the workspace.
const DOCUMENT: &str = "docs/book/src/reference/settings.md";

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
