//! The command line of a domain's program.

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::command::BuiltIn;
use crate::globals::Globals;

/// The end of `--help`.
const AFTER_HELP: &str = "\
Exit codes:
  0    success
  1    failure, or a problem was found
  2    wrong usage or configuration
  3    a change breaks others ('contracts diff')
  130  interrupted twice (SIGINT)
  143  terminated twice (SIGTERM)

Results go to stdout, logs and errors to stderr. PROTEAN_LOG (or RUST_LOG) sets the
log level: 'info', 'debug', 'warn,fidelis=debug'. PROTEAN_ENV names the section of the
configuration that overrides the rest, such as 'production'.";

/// A parsed command line.
#[derive(Parser)]
pub(crate) struct CommandLine<Own: Subcommand> {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) verb: Verb<Own>,
}

/// A command that the domain adds, or a built-in one.
#[derive(Subcommand)]
pub(crate) enum Verb<Own: Subcommand> {
    #[command(flatten)]
    Own(Own),
    #[command(flatten)]
    BuiltIn(BuiltIn),
}

impl<Own: Subcommand> CommandLine<Own> {
    /// Parses a command line whose first word is the program.
    pub(crate) fn parse(
        name: &str,
        words: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, clap::Error> {
        let mut command = Self::definition(name);
        let mut matches = command.try_get_matches_from_mut(words)?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }

    pub(crate) fn definition(name: &str) -> clap::Command {
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
    /// The log level unless the environment sets one.
    pub(crate) fn log_level(&self) -> &'static str {
        match self {
            Self::BuiltIn(BuiltIn::Server(_)) => "info",
            // The command prints the warnings itself.
            Self::BuiltIn(BuiltIn::Check(_)) => "error",
            Self::BuiltIn(_) | Self::Own(_) => "warn",
        }
    }

    /// True for work on the whole log, which goes on beside servers: the cores are theirs first.
    pub(crate) fn leaves_cores(&self) -> bool {
        use BuiltIn::{Events, Projection, Snapshot, Verify};
        matches!(self, Self::BuiltIn(Events(_) | Projection(_) | Snapshot(_) | Verify))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use clap::Subcommand;
    use clap::error::ErrorKind;

    use super::{BuiltIn, CommandLine, Verb};

    #[derive(Subcommand)]
    enum Own {
        Demo,
    }

    fn parse(words: &[&str]) -> Result<CommandLine<Own>, clap::Error> {
        CommandLine::parse("fidelis", words)
    }

    #[test]
    fn accepts_commands_of_the_domain_and_built_in_ones() {
        CommandLine::<Own>::definition("fidelis").debug_assert();
        assert!(matches!(
            parse(&["x", "demo"]),
            Ok(CommandLine { verb: Verb::Own(Own::Demo), .. })
        ));
        let line = parse(&["x", "subscriptions", "status", "--wide"]);
        assert!(matches!(
            line,
            Ok(CommandLine { verb: Verb::BuiltIn(BuiltIn::Subscriptions(_)), .. })
        ));
    }

    #[test]
    fn a_domain_without_its_own_commands_has_the_built_in_ones() {
        CommandLine::<Infallible>::definition("fidelis").debug_assert();
        let line = CommandLine::<Infallible>::parse("fidelis", ["x", "check"]);
        assert!(matches!(line, Ok(CommandLine { verb: Verb::BuiltIn(BuiltIn::Check(_)), .. })));
    }

    #[test]
    fn global_options_are_accepted_anywhere() {
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
