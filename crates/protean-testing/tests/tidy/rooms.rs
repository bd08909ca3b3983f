//! Each room of the core looks only down.

use crate::code::{self, Token};
use crate::offence::Offence;
use crate::tree::File;

const SRC: &str = "crates/protean-core/src/";

/// Each room with the rooms it may name.
const ROOMS: &[(&str, &[&str])] = &[
    ("message", &[]),
    ("model", &["message"]),
    ("port", &["message"]),
    ("memory", &["message", "port"]),
    ("config", &[]),
    ("catalog", &["model"]),
    ("unit", &["catalog", "model", "config"]),
    ("handling", &["unit", "catalog", "model", "config"]),
    ("domain", &["handling", "unit", "catalog", "model", "config"]),
];

/// What every room may name: the items at the root of the crate.
const FREE: &[&str] = &["Error", "Result", "Violations", "error", "ensure", "nearest"];

/// A file of a room names only its own room, the rooms below and the error items.
pub(crate) fn look_only_down(file: &File) -> Vec<Offence> {
    let Some(below) = file.path.strip_prefix(SRC).filter(|path| path.ends_with(".rs")) else {
        return Vec::new();
    };
    let Some((room, inner)) = below.split_once('/') else {
        return Vec::new();
    };
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        let what = format!("an unknown room `{room}`: say in the tidy test what it may name");
        return vec![Offence::new(&file.path, 1, what)];
    };
    let tokens = code::tokens(&file.code);
    let mut names = code::names_below("crate", &tokens);
    names.extend(rooms_above(&tokens, depth(inner)));
    names.retain(|name| name.text != room && !FREE.contains(&name.text));
    names.retain(|name| !allowed.contains(&name.text));
    let allowed = if allowed.is_empty() { "no other".to_owned() } else { allowed.join(", ") };
    let what = |name: &Token<'_>| {
        let name = name.text;
        format!("`{room}` names `crate::{name}`: it may name {allowed} room; turn the need around")
    };
    names.iter().map(|name| Offence::new(&file.path, name.line, what(name))).collect()
}

/// How many `super` lead from a file of a room to the root of the crate.
fn depth(inner: &str) -> usize {
    let folders = inner.matches('/').count();
    if inner.ends_with("mod.rs") { folders + 1 } else { folders + 2 }
}

/// Rooms that are named through `super::super::…`.
fn rooms_above<'a>(tokens: &[Token<'a>], depth: usize) -> Vec<Token<'a>> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let mut steps = 0;
        while code::reads(tokens, at, "super") && code::reads(tokens, at + 1, "::") {
            (steps, at) = (steps + 1, at + 2);
        }
        if steps >= depth {
            names.extend(code::names_at(tokens, at));
        }
        at += 1;
    }
    names.retain(|name| ROOMS.iter().any(|(room, _)| *room == name.text));
    names
}

#[cfg(test)]
mod tests {
    use super::look_only_down;
    use crate::tree::File;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let file = File::new(&format!("crates/protean-core/src/{path}"), text);
        look_only_down(&file).iter().map(|offence| offence.line).collect()
    }

    #[test]
    fn rejects_a_look_up_in_an_import_a_group_and_an_inline_path() {
        assert_eq!(lines("message/id.rs", "\nuse crate::port::Log;"), [2]);
        assert_eq!(
            lines("port/log.rs", "use crate::{\n    message::Id,\n    model::Root,\n};"),
            [3]
        );
        assert_eq!(lines("memory/log.rs", "fn f() -> crate::domain::Domain {}"), [1]);
        assert_eq!(lines("config/mod.rs", "use crate::message::Id;"), [1]);
    }

    #[test]
    fn rejects_a_detour_over_super() {
        assert_eq!(lines("message/id.rs", "use super::super::port::Log;"), [1]);
        assert_eq!(lines("message/mod.rs", "use super::{port::Log};"), [1]);
    }

    #[test]
    fn rejects_everything_at_once_and_unknown_rooms_and_items() {
        assert_eq!(lines("model/a.rs", "use crate::*;"), [1]);
        assert_eq!(lines("attic/a.rs", ""), [1]);
        assert_eq!(lines("model/a.rs", "use crate::Domain;"), [1]);
    }

    #[test]
    fn a_look_down_and_the_error_items_are_free() {
        let text = "use crate::{Error, Result, message::Id, port::Log};\nuse super::store::Store;";
        assert!(lines("memory/log.rs", text).is_empty());
        assert!(
            lines("domain/unit.rs", "use crate::model::Root; use crate::config::X;").is_empty()
        );
        assert!(lines("message/id.rs", "use crate::message::Value; crate::ensure!(a);").is_empty());
        assert!(lines("error.rs", "use crate::domain::Domain;").is_empty());
    }
}
