//! `protean`: finds a domain's own program and hands over to it.
//!
//! ```text
//! words ─▶ command_line ─┬▶ package ─▶ program   --domain=fidelis: built, then executed
//!                        ├▶ program              --domain=./fidelis
//!                        └▶ own ─▶ starter        help, version, new
//! ```

mod command_line;
mod own;
mod package;
mod program;
mod source;
mod starter;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use protean_cli::{Error, Result};

use crate::command_line::CommandLine;
use crate::program::DOMAIN_VARIABLE;

fn main() -> ExitCode {
    let json = std::env::args_os().any(|word| word == "--json");
    run(std::env::args_os().skip(1)).unwrap_or_else(|error| error.report(json))
}

fn run(words: impl Iterator<Item = OsString>) -> Result {
    let line = CommandLine::read(words)?;
    if line.domain.is_none() && own::is_own(&line.words) {
        return own::run(line.words);
    }
    let from_variable = || std::env::var_os(DOMAIN_VARIABLE).filter(|domain| !domain.is_empty());
    match line.domain.clone().or_else(from_variable) {
        Some(domain) => program::hand_over(&program_of(&domain, line.release)?, &line.words),
        None => Err(no_domain()),
    }
}

/// The program of a domain: a path unchanged, a package after building it.
fn program_of(domain: &OsStr, release: bool) -> Result<std::path::PathBuf> {
    let path = Path::new(domain);
    match domain.to_str() {
        Some(name) if path.components().count() == 1 && !name.ends_with(['/', '.']) => {
            package::built(name, release)
        }
        _ => Ok(path.to_owned()),
    }
}

fn no_domain() -> Error {
    let packages = package::with_programs().unwrap_or_default();
    let here = match packages.as_slice() {
        [] => "a package of the cargo workspace".to_owned(),
        names => format!("a package here ('{}')", names.join("', '")),
    };
    Error::usage("no domain is named").advice(format!(
        "write --domain=NAME, or set {DOMAIN_VARIABLE}: NAME is {here}, or a path to the domain's binary"
    ))
}
