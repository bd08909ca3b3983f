//! Hands over to a domain's program.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use protean_cli::{Error, Result};

/// Names the domain when the command line does not.
pub(crate) const DOMAIN_VARIABLE: &str = "PROTEAN_DOMAIN";

/// Replaces this process by the program, which then receives the signals and sets the exit
/// code. Returns only with an error.
pub(crate) fn hand_over(program: &Path, words: &[OsString]) -> Result {
    let error = command(program, words).exec();
    Err(not_started(program, &error))
}

fn command(program: &Path, words: &[OsString]) -> Command {
    // A bare name would be searched on the `PATH`.
    let mut command = Command::new(Path::new(".").join(program));
    // Without the variable, a program that is `protean` itself does not hand over again.
    command.args(words).env_remove(DOMAIN_VARIABLE);
    command
}

fn not_started(program: &Path, error: &std::io::Error) -> Error {
    let program = program.display();
    let advice = match error.kind() {
        ErrorKind::NotFound => {
            "give the path of a domain's binary, or the name of a package to build it from"
        }
        ErrorKind::PermissionDenied => "give the path of a domain's binary that can be executed",
        _ => "check that it is a program for this machine",
    };
    Error::usage(format!("'{program}' cannot be started: {error}")).advice(advice)
}
