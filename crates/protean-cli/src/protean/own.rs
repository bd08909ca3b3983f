//! The commands of `protean` itself.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use protean_cli::Result;

use crate::starter;

/// The end of `--help`.
const AFTER_HELP: &str = "\
Every other command is passed to the program of a domain:
  protean server --domain=fidelis
  protean subscriptions status --domain=fidelis --json
  protean --domain=target/release/fidelis --help
  protean --release server --domain=fidelis

The domain is the name of a package in the current cargo workspace, which is built
first (optimised with --release before the command), or a path to the domain's
binary. Without --domain, PROTEAN_DOMAIN names it. All other words are passed to that
binary unchanged, and its exit code is returned.";

/// Runs a command of a domain, or creates a new domain
#[derive(Parser)]
#[command(
    name = "protean",
    bin_name = "protean",
    override_usage = "protean <COMMAND> --domain=<DOMAIN> [OPTIONS]\n       protean new <NAME>",
    version = concat!("(Protean for Rust ", env!("CARGO_PKG_VERSION"), ")"),
    after_help = AFTER_HELP,
    arg_required_else_help = true
)]
struct OwnCommandLine {
    #[command(subcommand)]
    own: Own,
}

#[derive(Subcommand)]
enum Own {
    /// Creates a small domain to start from: an aggregate, a read model, HTTP, an import, tests
    #[command(override_usage = "protean new <NAME> [--path <CHECKOUT> | --registry]")]
    New(starter::Options),
}

/// True when the words name a command of `protean` itself.
pub(crate) fn is_own(words: &[OsString]) -> bool {
    let first = words.first().map(|word| word.to_str().unwrap_or_default());
    matches!(first, None | Some("new" | "help" | "-h" | "--help" | "-V" | "--version"))
}

pub(crate) fn run(words: Vec<OsString>) -> Result {
    match OwnCommandLine::try_parse_from(std::iter::once("protean".into()).chain(words)) {
        Ok(OwnCommandLine { own: Own::New(options) }) => starter::make(&options),
        Err(usage) => {
            // A closed stdout is not an error.
            let _ = usage.print();
            Ok(ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2)))
        }
    }
}
