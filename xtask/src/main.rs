//! What the maintainers of this workspace run.
//!
//! * `setup`: what the tests need from outside, and how it gets there
//! * `system`: this machine's package manager
//! * `suite`: every test of the workspace
//! * `features`, `minimum`, `package`, `semver`: what the `published` packages promise
//! * `bench`, `book`: figures and texts
//! * `cargo`: calls of cargo, and tools that it installs
#![allow(clippy::print_stdout, reason = "it talks to a person at a terminal")]

mod bench;
mod book;
mod cargo;
mod features;
mod minimum;
mod package;
mod published;
mod semver;
mod setup;
mod suite;
mod system;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask test [ARGUMENTS]     sets up what is missing and runs every test of the workspace;
                                 ARGUMENTS are those of `cargo test`, in place of all tests
cargo xtask setup                only sets up what is missing: PostgreSQL, Redis, Chromium, Python,
                                 and Protean and OpenTelemetry for Python
cargo xtask bench [NAME …]       runs a benchmark in a release build; alone, lists them
cargo xtask book [ARGUMENTS]     builds the book; ARGUMENTS are those of `mdbook build`
cargo xtask features             compiles each published package with no feature and with each alone
cargo xtask minimum              compiles everything with the oldest version of Rust
cargo xtask package [ARGUMENTS]  packs what is published and builds it from the packages;
                                 ARGUMENTS are those of `cargo package`
cargo xtask semver BASE          compares the public API with that of BASE, a commit or a tag

`book` and `semver` install their tools below `target` when they are missing.";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (command, arguments) = match words.split_first() {
        Some((command, arguments)) => (command.as_str(), arguments),
        None => ("", [].as_slice()),
    };
    let done = match (command, arguments) {
        ("test", arguments) => test(arguments),
        ("setup", []) => setup::run(),
        ("bench", arguments) => bench::run_with(arguments),
        ("book", arguments) => book::build(arguments),
        ("features", []) => features::check(),
        ("minimum", []) => minimum::check(),
        ("package", arguments) => package::pack(arguments),
        ("semver", [base]) => semver::compare_with(base),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// All tests, or those that are asked for.
fn test(arguments: &[String]) -> Result<(), String> {
    setup::run()?;
    suite::run(arguments)
}
