//! Parcels, version 2.

use std::process::ExitCode;

fn main() -> ExitCode {
    protean_cli::run(parcels::v2::domain(parcels::SETTINGS))
}
