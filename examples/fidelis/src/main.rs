//! The bank's own program: its server, its tools, its demo, its migration and its trial.

mod commands;

use std::process::ExitCode;

fn main() -> ExitCode {
    protean_cli::run_with(fidelis::domain(), commands::run)
}
