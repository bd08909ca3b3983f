//! The bookshelf's own program.

mod commands;

use std::process::ExitCode;

fn main() -> ExitCode {
    protean_cli::run_with(bookshelf::domain(), commands::run)
}
