//! At the end of `cargo test`, says which packages have tests that it left out, and what they need.

#![allow(clippy::print_stdout, reason = "it talks to a person at a terminal")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// What stands around the need of a test that is left out.
const IGNORED: (&str, &str) = ("#[ignore = \"needs ", ": cargo xtask test\"]");

/// What the tests of each package need.
type Needs = BTreeMap<String, BTreeSet<String>>;

fn main() -> io::Result<()> {
    // A word names tests or asks for those that are left out here.
    if std::env::args().skip(1).any(|word| word != "--quiet" && word != "-q") {
        return Ok(());
    }
    let mut needs = Needs::new();
    for folder in ["benches", "crates", "examples", "xtask"] {
        walk(&Path::new(WORKSPACE).join(folder), &mut needs)?;
    }
    println!(
        "\nLeft out, because they need more than this; `cargo xtask test` sets it up and runs them:"
    );
    for (package, needs) in needs {
        let needs: Vec<_> = needs.into_iter().collect();
        println!("  {package}: tests that need {}", needs.join("; "));
    }
    Ok(())
}

fn walk(folder: &Path, needs: &mut Needs) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") && !path.is_symlink() {
            walk(&path, needs)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            let after = text.split(IGNORED.0).skip(1);
            let found = after.filter_map(|rest| Some(rest.split_once(IGNORED.1)?.0.to_owned()));
            let found: Vec<_> = found.filter(|need| !need.contains(['\n', '{'])).collect();
            if !found.is_empty() {
                needs.entry(package(&path)).or_default().extend(found);
            }
        }
    }
    Ok(())
}

/// The folder of the package that a file belongs to.
fn package(file: &Path) -> String {
    let mut above = file.ancestors().skip(1);
    let home = above.find(|folder| folder.join("Cargo.toml").is_file());
    let name = home.and_then(Path::file_name).unwrap_or_default();
    name.to_string_lossy().into_owned()
}
