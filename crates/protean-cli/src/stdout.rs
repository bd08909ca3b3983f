//! Writes results to stdout.

use std::io::{self, ErrorKind, Write as _};

use crate::{Error, Result};

/// Writes to stdout. A closed pipe is not an error: the reader has seen enough.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::failed("stdout cannot be written").caused_by(&error))
        }
        _ => Ok(()),
    }
}
