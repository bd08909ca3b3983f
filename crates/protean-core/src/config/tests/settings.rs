//! No setting without an effect: each key that a reader asks for is read outside the
//! configuration, or answered. `docs/book/src/reference/settings.md` shows them all and is made here:
//!
//! ```sh
//! WRITE_REFERENCE=1 cargo test -p protean-core settings
//! ```

use protean_test_servers::Reference;

use super::document::{document, meaning_of};
use super::effects::{Effect, SUBSCRIPTIONS, effects};
use super::meanings::MEANINGS;
use super::sources::{Source, sources};
use crate::config::config::read;
use crate::config::form::Form;
use crate::config::section::{Asked, Key, survey};

const REFERENCE: Reference =
    Reference { page: "docs/book/src/reference/settings.md", test: "-p protean-core settings" };

/// The line of the table that speaks of this key.
pub(super) fn effect_of<'a>(
    effects: &'a [(&str, Effect)],
    path: &str,
) -> Option<(usize, &'a Effect)> {
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
fn every_setting_has_a_sentence_in_the_reference() {
    let keys = known_keys();
    let read = keys.iter().filter(|key| matches!(key.asked, Asked::Value(_) | Asked::Free));
    let silent: Vec<_> = read
        .clone()
        .map(|key| key.path.as_str())
        .filter(|path| meaning_of(path).is_none())
        .collect();
    assert!(silent.is_empty(), "`MEANINGS` says nothing of {silent:?}");
    let is_known = |known: &str| {
        let key =
            read.clone().find(|key| key.path == known || key.path.ends_with(&format!(".{known}")));
        key.is_some()
    };
    let stale: Vec<_> = MEANINGS.iter().filter(|(known, _)| !is_known(known)).collect();
    assert!(stale.is_empty(), "no reader asks any longer for {stale:?}");
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
    REFERENCE.assert_is(&document(&known_keys(), &effects()));
}
