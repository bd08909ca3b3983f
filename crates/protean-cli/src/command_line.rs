//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::command::BuiltIn;

/// What `--help` says at its end.
const AFTER_HELP: &str = "\
Exit codes:
  0    done
  1    failed, or something was found that is not as it should be
  2    wrong usage or configuration
  130  interrupted for the second time (SIGINT)
  143  terminated for the second time (SIGTERM)

Results go to stdout, logs and errors to stderr. PROTEAN_LOG (or RUST_LOG) says
what is logged: 'info', 'debug', 'warn,fidelis=debug'. PROTEAN_ENV names the
section of the configuration that is laid over the rest, such as 'production'.";

/// What was asked for.
#[derive(Parser)]
pub(crate) struct Line<Own: Subcommand> {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) verb: Verb<Own>,
}

/// What every command knows.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Globals {
    /// Reads the configuration from this file instead of the built-in one
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Prints one JSON object instead of text. Built-in commands and every error wrap it:
    /// {"version", "status", "data", "diagnostics"}
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// A command of the domain's own, or one that every domain has.
#[derive(Subcommand)]
pub(crate) enum Verb<Own: Subcommand> {
    #[command(flatten)]
    Own(Own),
    #[command(flatten)]
    BuiltIn(BuiltIn),
}

impl<Own: Subcommand> Line<Own> {
    /// Reads a command line whose first word is the program.
    pub(crate) fn parse(
        name: &str,
        words: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, clap::Error> {
        let mut command = Self::described(name);
        let mut matches = command.try_get_matches_from_mut(words)?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }

    fn described(name: &str) -> clap::Command {
        Self::command()
            .name(name.to_owned())
            .bin_name(name.to_owned())
            .about(format!("The server and the tools of the domain '{name}'"))
            .version(concat!("(Protean for Rust ", env!("CARGO_PKG_VERSION"), ")"))
            .after_help(AFTER_HELP)
            .propagate_version(false)
    }
}

impl<Own: Subcommand> Verb<Own> {
    /// What is logged unless the environment says otherwise.
    pub(crate) fn log_level(&self) -> &'static str {
        match self {
            Self::BuiltIn(BuiltIn::Server(_)) => "info",
            // It prints the warnings itself.
            Self::BuiltIn(BuiltIn::Check) => "error",
            Self::BuiltIn(_) | Self::Own(_) => "warn",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use clap::Subcommand;
    use clap::error::ErrorKind;

    use super::{BuiltIn, Line, Verb};

    #[derive(Subcommand)]
    enum Own {
        Demo,
    }

    fn parse(words: &[&str]) -> Result<Line<Own>, clap::Error> {
        Line::parse("fidelis", words)
    }

    #[test]
    fn the_commands_of_the_domain_stand_beside_the_built_in_ones() {
        Line::<Own>::described("fidelis").debug_assert();
        assert!(matches!(parse(&["x", "demo"]), Ok(Line { verb: Verb::Own(Own::Demo), .. })));
        let line = parse(&["x", "subscriptions", "status", "--wide"]);
        assert!(matches!(line, Ok(Line { verb: Verb::BuiltIn(BuiltIn::Subscriptions(_)), .. })));
    }

    #[test]
    fn a_domain_without_commands_of_its_own_has_the_built_in_ones() {
        Line::<Infallible>::described("fidelis").debug_assert();
        let line = Line::<Infallible>::parse("fidelis", ["x", "check"]);
        assert!(matches!(line, Ok(Line { verb: Verb::BuiltIn(BuiltIn::Check), .. })));
    }

    #[test]
    fn global_options_may_stand_anywhere() {
        for words in [
            ["x", "--json", "--config", "a.toml", "demo"],
            ["x", "demo", "--config", "a.toml", "--json"],
        ] {
            let Ok(line) = parse(&words) else { panic!("{words:?}") };
            assert!(line.globals.json && line.globals.config.is_some());
        }
    }

    #[test]
    fn help_names_the_domain_and_the_exit_codes() {
        let Err(help) = parse(&["x", "--help"]) else { panic!("no help") };
        assert_eq!((help.kind(), help.exit_code()), (ErrorKind::DisplayHelp, 0));
        let text = help.to_string();
        for part in ["domain 'fidelis'", "Usage: fidelis", "demo", "verify", "Exit codes"] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn an_unknown_command_is_wrong_usage() {
        assert!(parse(&["x", "serve"]).is_err_and(|error| error.exit_code() == 2));
    }
}
