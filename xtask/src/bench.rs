//! The benchmarks, in a release build.

use crate::cargo::{cargo, run};

/// Runs the benchmarks with these arguments; without any, it says which there are.
///
/// # Errors
/// When they do not compile, or one fails.
pub(crate) fn run_with(arguments: &[String]) -> Result<(), String> {
    let words = ["run", "--release", "--package", "protean-benches", "--"];
    let help = ["--help".to_owned()];
    let arguments = if arguments.is_empty() { &help } else { arguments };
    run(cargo().args(words).args(arguments))
}
