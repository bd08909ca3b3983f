//! Storage adapters share their file names.

use std::collections::BTreeSet;

use crate::offence::Offence;
use crate::tree::File;

/// Adapters that keep the log and the rows.
const STORAGE: &[&str] = &["crates/protean-sqlite", "crates/protean-postgres"];

/// Files that one store has for a reason of its own.
const OWN: &[&str] = &[
    // Only SQLite tells other processes through a file, and copies a write-ahead file back.
    "notice.rs",
    "nudge.rs",
    "checkpoint.rs",
    // Only in SQLite's commits can a test end the process at a step.
    "step.rs",
    // SQLite decides as it writes; PostgreSQL loads, decides in memory and writes in arrays.
    "attempt.rs",
    "touched.rs",
    "working_set.rs",
    "staged.rs",
    "flush.rs",
    "unique.rs",
    "statement.rs",
    // Only a server is asked over a connection, where each answer costs a wake-up.
    "compound.rs",
    // The driver of SQLite keeps its compiled statements itself.
    "recent.rs",
    // Only the answer of a server to COMMIT can be lost on its way.
    "commit_marker.rs",
    // Only a server is reached over a network.
    "tls.rs",
    // Only a server's tables have an owner.
    "ownership.rs",
    // Only a server has settings of its own.
    "advice.rs",
    // Only a server may be behind a pooler, and only a file's name may come to stand for another.
    "pooler.rs",
    "opened_file.rs",
];

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
    use super::share_file_names;
    use crate::tree::File;

    #[test]
    fn rejects_a_file_that_only_one_store_has() {
        let file = |path: &str| File::new(path, "");
        let sqlite = file("crates/protean-sqlite/src/log.rs");
        let notice = file("crates/protean-sqlite/src/notice.rs");
        let one = [sqlite, notice];
        assert!(share_file_names(&one).is_empty());
        let [sqlite, notice] = one;
        let two = [sqlite, notice, file("crates/protean-postgres/src/journal.rs")];
        let paths: Vec<_> = share_file_names(&two).into_iter().map(|o| o.path).collect();
        assert_eq!(
            paths,
            ["crates/protean-sqlite/src/log.rs", "crates/protean-postgres/src/journal.rs"]
        );
    }
}
