//! The options of every command.

use std::path::PathBuf;

use clap::Args;

/// The options of every command.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Globals {
    /// Reads the configuration from this file instead of the built-in one
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Prints JSON instead of text; built-in commands and errors print one object:
    /// {"version", "status", "data", "diagnostics"}
    #[arg(long, global = true)]
    pub(crate) json: bool,
}
