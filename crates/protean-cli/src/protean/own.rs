//! What `protean` does itself.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use protean_cli::Result;

/// What `--help` says at its end.
const AFTER_HELP: &str = "\
Examples:
  protean server --domain=fidelis
  protean subscriptions status --domain=fidelis --json
  protean --domain=target/release/fidelis --help
  protean --release server --domain=fidelis

The domain is the name of a package of the cargo workspace at hand, which is
built first (with --release before the command: optimised), or a path to the
domain's binary; without --domain, PROTEAN_DOMAIN names it. All other words go
to that binary as they are, and its exit code is the exit code.";

/// Runs a command of a domain: its server, its subscriptions, its database.
#[derive(Parser)]
#[command(
    name = "protean",
    bin_name = "protean",
    override_usage = "protean <COMMAND> --domain=<DOMAIN> [OPTIONS]",
    version = concat!("(Protean for Rust ", env!("CARGO_PKG_VERSION"), ")"),
    after_help = AFTER_HELP,
    arg_required_else_help = true
)]
struct Own {}

/// Whether the words are for `protean` itself when no domain is named beside them.
pub(crate) fn is_asked(words: &[OsString]) -> bool {
    let first = words.first().map(|word| word.to_str().unwrap_or_default());
    matches!(first, None | Some("help" | "-h" | "--help" | "-V" | "--version"))
}

pub(crate) fn run(words: Vec<OsString>) -> Result {
    let asked = match words.first() {
        Some(word) if word == "help" => "--help".into(),
        Some(word) => word.clone(),
        None => return Ok(shown(&Own::try_parse_from(["protean"]))),
    };
    Ok(shown(&Own::try_parse_from(["protean".into(), asked])))
}

/// Prints what was asked for, or how to ask.
fn shown(parsed: &Result<Own, clap::Error>) -> ExitCode {
    let Err(told) = parsed else { return ExitCode::SUCCESS };
    // A reader that is gone needs no help.
    let _ = told.print();
    ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(2))
}
