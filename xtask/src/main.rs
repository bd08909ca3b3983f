//! What the maintainers of this workspace run.
//!
//! * `setup`: what the tests need from outside, and how it gets there
//! * `system`: this machine's package manager
//! * `suite`: every test of the workspace
#![allow(clippy::print_stdout, reason = "it talks to a person at a terminal")]

mod setup;
mod suite;
mod system;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask test [ARGUMENTS]   sets up what is missing and runs every test of the workspace;
                               ARGUMENTS are those of `cargo test`, in place of all tests
cargo xtask setup              only sets up what is missing: PostgreSQL, Redis, Chromium, Python
                               and Protean for Python";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.split_first() {
        Some((word, arguments)) if word == "test" => {
            setup::run().and_then(|()| suite::run(arguments))
        }
        Some((word, [])) if word == "setup" => setup::run(),
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
