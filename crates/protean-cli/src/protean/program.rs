//! Hands over to a domain's program.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use protean_cli::{Error, Result};

/// Names the domain when the command line does not.
pub(crate) const DOMAIN_VARIABLE: &str = "PROTEAN_DOMAIN";

/// Replaces this process by the program, which then receives the signals and sets the exit
/// code. Returns only with an error.
#[cfg(unix)]
pub(crate) fn hand_over(program: &Path, words: &[OsString]) -> Result {
    use std::os::unix::process::CommandExt as _;

    let error = command(program, words).exec();
    Err(not_started(program, &error))
}

/// Runs the program with these words and returns its exit code.
#[cfg(not(unix))]
pub(crate) fn hand_over(program: &Path, words: &[OsString]) -> Result {
    let status = command(program, words).status();
    let status = status.map_err(|error| not_started(program, &error))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(std::process::ExitCode::from(code.unwrap_or(1)))
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
