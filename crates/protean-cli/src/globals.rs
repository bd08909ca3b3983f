//! The options of every command.

use std::path::PathBuf;

use clap::Args;
use protean::DomainBuilder;

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

impl Globals {
    /// The builder, with the configuration that these options name.
    pub(crate) fn apply_to(&self, builder: DomainBuilder) -> DomainBuilder {
        match &self.config {
            Some(file) => builder.config_file(file),
            None => builder,
        }
    }
}
