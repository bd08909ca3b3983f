//! What `protean` does itself.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use protean_cli::Result;

use crate::starter;

/// What `--help` says at its end.
const AFTER_HELP: &str = "\
Any other command is one of a domain, whose program it is handed to:
  protean server --domain=fidelis
  protean subscriptions status --domain=fidelis --json
  protean --domain=target/release/fidelis --help
  protean --release server --domain=fidelis

The domain is the name of a package of the cargo workspace at hand, which is
built first (with --release before the command: optimised), or a path to the
domain's binary; without --domain, PROTEAN_DOMAIN names it. All other words go
to that binary as they are, and its exit code is the exit code.";

/// Runs a command of a domain, or makes a new one
#[derive(Parser)]
#[command(
    name = "protean",
    bin_name = "protean",
    override_usage = "protean <COMMAND> --domain=<DOMAIN> [OPTIONS]\n       protean new <NAME>",
    version = concat!("(Protean for Rust ", env!("CARGO_PKG_VERSION"), ")"),
    after_help = AFTER_HELP,
    arg_required_else_help = true
)]
struct Line {
    #[command(subcommand)]
    own: Own,
}

#[derive(Subcommand)]
enum Own {
    /// Makes a small domain to begin with: an aggregate, its program, its tests
    #[command(override_usage = "protean new <NAME> [--path <CHECKOUT>]")]
    New(starter::Options),
}

/// Whether the words are for `protean` itself when no domain is named beside them.
pub(crate) fn is_asked(words: &[OsString]) -> bool {
    let first = words.first().map(|word| word.to_str().unwrap_or_default());
    matches!(first, None | Some("new" | "help" | "-h" | "--help" | "-V" | "--version"))
}

pub(crate) fn run(words: Vec<OsString>) -> Result {
    match Line::try_parse_from(std::iter::once("protean".into()).chain(words)) {
        Ok(Line { own: Own::New(options) }) => starter::make(&options),
        Err(told) => {
            // A reader that is gone needs no help.
            let _ = told.print();
            Ok(ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(2)))
        }
    }
}
