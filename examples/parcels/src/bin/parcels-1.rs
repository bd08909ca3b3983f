//! Parcels, version 1.

use std::process::ExitCode;

fn main() -> ExitCode {
    protean_cli::run(parcels::v1::domain(parcels::SETTINGS))
}
