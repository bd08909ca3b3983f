//! Puts answers on stdout.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use protean_cli::{App, Error, Result};
use serde::Serialize;

/// Answers a command: text for people, with `--json` one object of these fields.
///
/// # Errors
/// When stdout cannot be written. That its reader is gone does not matter.
pub(crate) fn answer(app: &App, answer: &(impl Serialize + Display)) -> Result {
    let text = if app.json() { serde_json::to_string_pretty(answer)? } else { answer.to_string() };
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::failed(format!("stdout cannot be written: {error}")))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
