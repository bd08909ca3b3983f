//! The bookshelf's own program.

mod command;
mod connections;
mod load;
mod serve;
mod stats;

use std::process::ExitCode;

fn main() -> ExitCode {
    protean_cli::run_with(bookshelf::domain(), command::run)
}
