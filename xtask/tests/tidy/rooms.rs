//! Each room of a crate looks only down, and none of the core is a warehouse.

use std::collections::BTreeMap;

use crate::code::{self, Token};
use crate::offence::Offence;
use crate::tree::File;

const CORE: &str = "crates/protean-core/src/";

/// The crates with rooms.
const CRATES: &[&str] = &[CORE, "crates/protean-port/src/"];

/// Each room with the rooms it may name.
const ROOMS: &[(&str, &[&str])] = &[
    ("message", &[]),
    ("port", &["message"]),
    ("memory", &["message", "port"]),
    ("model", &[]),
    ("config", &[]),
    ("catalog", &["model"]),
    ("unit", &["catalog", "model", "config"]),
    ("handling", &["unit", "catalog", "model", "config"]),
    ("domain", &["handling", "unit", "catalog", "model", "config"]),
];

/// What every room may name: the items at the root of the crate.
const FREE: &[&str] = &["Error", "Result", "Violations", "error", "ensure", "nearest"];

/// How much of the core's code one room may hold.
const MAX_SHARE_PERCENT: usize = 30;

/// A file of a room names only its own room, the rooms below and the error items.
pub(crate) fn look_only_down(file: &File) -> Vec<Offence> {
    let below = CRATES.iter().find_map(|home| file.path.strip_prefix(home));
    let Some(below) = below.filter(|path| path.ends_with(".rs")) else {
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

/// No room holds more than its share of the core's code.
pub(crate) fn share_the_core(files: &[File]) -> Vec<Offence> {
    let mut rooms: BTreeMap<&str, usize> = BTreeMap::new();
    for file in files.iter().filter(|file| file.path.ends_with(".rs") && !file.is_test()) {
        if let Some((room, _)) = file.path.strip_prefix(CORE).and_then(|path| path.split_once('/'))
        {
            *rooms.entry(room).or_default() += code::lines(&file.code);
        }
    }
    let whole: usize = rooms.values().sum();
    let large = rooms.into_iter().filter(|(_, lines)| lines * 100 > whole * MAX_SHARE_PERCENT);
    let what = |room, lines| {
        format!(
            "room `{room}` holds {lines} of the core's {whole} lines of code, at most \
             {MAX_SHARE_PERCENT} %: cut it by noun"
        )
    };
    large
        .map(|(room, lines)| Offence::new(&format!("{CORE}{room}"), 1, what(room, lines)))
        .collect()
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
    use super::{MAX_SHARE_PERCENT, look_only_down, share_the_core};
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

    #[test]
    fn rejects_a_room_that_holds_more_than_its_share() {
        let large = |lines: usize| {
            let room = |room: &str, lines: usize| {
                let text = "const A: u8 = 1; // one\n\n// two\n".repeat(lines)
                    + "#[cfg(test)]\nmod tests {\n    const B: u8 = 2;\n}\n";
                File::new(&format!("crates/protean-core/src/{room}/a.rs"), &text)
            };
            let files = [room("message", lines), room("port", 100 - lines), room("model", 0)];
            let paths = share_the_core(&files).into_iter().map(|offence| offence.path);
            paths.filter(|path| path.ends_with("message")).count()
        };
        assert_eq!(large(MAX_SHARE_PERCENT + 1), 1);
        assert_eq!(large(MAX_SHARE_PERCENT), 0);
    }
}
