//! Parcels, version 3.

use std::process::ExitCode;

fn main() -> ExitCode {
    protean_cli::run(parcels::v3::domain(parcels::SETTINGS))
}
