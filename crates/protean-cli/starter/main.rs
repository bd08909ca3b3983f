//! The domain's own program: its server and its tools.

use std::process::ExitCode;

fn main() -> ExitCode {
    protean_cli::run({crate}::domain())
}
