//! Puts answers on stdout.

use std::io::{ErrorKind, Write};

use protean_cli::{Error, Result};
use serde::Serialize;

/// One JSON object.
///
/// # Errors
/// When the answer cannot be written as JSON.
pub(crate) fn json(answer: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(answer)? + "\n")
}

/// Prints an answer; a reader that is gone does not matter.
///
/// # Errors
/// When stdout cannot be written for another reason.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::failed(format!("stdout cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}
