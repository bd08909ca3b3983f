//! The shop's program: `orders server`, `orders processes list`, `orders schedule list`, ….

use std::process::ExitCode;

fn main() -> ExitCode {
    protean_cli::run(orders::domain(orders::SETTINGS))
}
