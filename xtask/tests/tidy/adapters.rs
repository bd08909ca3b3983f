//! Adapters see messages and ports, and storage adapters share their file names.

use std::collections::BTreeSet;

use crate::code;
use crate::offence::Offence;
use crate::tree::File;

const ADAPTERS: &[&str] =
    &["crates/protean-sqlite", "crates/protean-postgres", "crates/protean-redis"];

/// Adapters that keep the log and the rows.
const STORAGE: &[&str] = &["crates/protean-sqlite", "crates/protean-postgres"];

/// What an adapter may name of the core.
const SEEN: &[&str] = &["message", "port", "error", "Error", "Result", "Violations", "ensure"];

/// Files that one store has for a reason of its own.
const OWN: &[&str] = &[
    // Only SQLite has a write-ahead file that other processes watch, and copies it back.
    "wal.rs",
    "nudge.rs",
    "checkpoint.rs",
    // Only in SQLite's commits can a test end the process at a step.
    "step.rs",
    // SQLite decides as it writes; PostgreSQL loads, decides in memory and writes in arrays.
    "working_set.rs",
    "staged.rs",
    "flush.rs",
    "unique.rs",
    "statement.rs",
    // Only the answer of a server to COMMIT can be lost on its way.
    "commit_marker.rs",
    // Only a server is reached over a network.
    "tls.rs",
];

/// The sources of an adapter name `protean_core::{message, port}` and the error items.
pub(crate) fn see_messages_and_ports(file: &File) -> Vec<Offence> {
    if !file.source().is_some_and(|(home, _)| ADAPTERS.contains(&home)) {
        return Vec::new();
    }
    let tokens = code::tokens(&file.code);
    let mut names = code::names_below("protean_core", &tokens);
    names.retain(|name| !SEEN.contains(&name.text));
    let whole = (0..tokens.len())
        .filter(|at| tokens[*at].text == "protean_core" && !code::reads(&tokens, at + 1, "::"));
    names.extend(whole.map(|at| tokens[at]));
    let what = |name| {
        format!("an adapter names `{name}` of the core: it sees `message`, `port` and the error")
    };
    names.iter().map(|name| Offence::new(&file.path, name.line, what(name.text))).collect()
}

/// The same file names in every storage adapter, so that one is a map of the other.
pub(crate) fn share_file_names(files: &[File]) -> Vec<Offence> {
    let names = |home: &str| -> BTreeSet<&str> {
        let of_home = files.iter().filter_map(File::source).filter(|(other, _)| *other == home);
        of_home.map(|(_, below)| below).filter(|below| !OWN.contains(below)).collect()
    };
    let present: Vec<_> = STORAGE.iter().map(|home| (*home, names(home))).collect();
    let present: Vec<_> = present.into_iter().filter(|(_, names)| !names.is_empty()).collect();
    let mut offences = Vec::new();
    for (home, names) in &present {
        for (other, _) in present.iter().filter(|(_, others)| others != names) {
            let others = present.iter().filter(|(name, _)| name == other).map(|(_, names)| names);
            offences.extend(others.flat_map(|others| names.difference(others)).map(|name| {
                let what = format!("`{other}` has no such file: name and cut both alike");
                Offence::new(&format!("{home}/src/{name}"), 1, what)
            }));
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::{see_messages_and_ports, share_file_names};
    use crate::tree::File;

    fn lines(text: &str) -> Vec<usize> {
        let file = File::new("crates/protean-sqlite/src/log.rs", text);
        see_messages_and_ports(&file).iter().map(|offence| offence.line).collect()
    }

    #[test]
    fn rejects_an_adapter_that_sees_more_than_messages_and_ports() {
        assert_eq!(
            lines(
                "use protean_core::\n    domain::Domain;
use protean_port::message::Id;"
            ),
            [2]
        );
        assert_eq!(lines("fn f(x: protean_core::config::Config) {}"), [1]);
        assert_eq!(lines("use protean_core as core;"), [1]);
    }

    #[test]
    fn messages_ports_and_the_error_are_seen() {
        assert!(lines("use protean_port::{Error, Result, message::Id, port::Log};").is_empty());
    }

    #[test]
    fn rejects_a_file_that_only_one_store_has() {
        let file = |path: &str| File::new(path, "");
        let sqlite = file("crates/protean-sqlite/src/log.rs");
        let wal = file("crates/protean-sqlite/src/wal.rs");
        let one = [sqlite, wal];
        assert!(share_file_names(&one).is_empty());
        let [sqlite, wal] = one;
        let two = [sqlite, wal, file("crates/protean-postgres/src/journal.rs")];
        let paths: Vec<_> = share_file_names(&two).into_iter().map(|o| o.path).collect();
        assert_eq!(
            paths,
            ["crates/protean-sqlite/src/log.rs", "crates/protean-postgres/src/journal.rs"]
        );
    }
}
