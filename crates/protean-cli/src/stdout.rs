//! Writes results to stdout.

use std::io::{self, ErrorKind, Write as _};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::oneshot;

use crate::{Error, Result};

/// How often to check whether the reader is still there.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Whether the text reached a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It was written.
    ToReader,
    /// The reader of the pipe has gone.
    ToNobody,
}

/// Writes to stdout. A closed pipe is not an error: the reader has seen enough.
pub(crate) fn print(text: &str) -> Result<()> {
    write(text).map(drop)
}

/// Like [`print`], and says whether the reader is still there.
fn write(text: &str) -> Result<Written> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(Written::ToReader),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Written::ToNobody),
        Err(error) => Err(Error::failed("stdout cannot be written").caused_by(&error)),
    }
}

/// Like [`write`], without blocking the caller while the reader takes nothing: it writes on a thread
/// of its own, which does not keep the program from ending.
pub(crate) async fn write_apart(text: String) -> Result<Written> {
    let (done, written) = oneshot::channel();
    let writing = std::thread::Builder::new().spawn(move || {
        // Nobody waits any more once the program is stopping.
        let _ = done.send(write(&text));
    });
    writing.map_err(|error| Error::failed("stdout cannot be written").caused_by(&error))?;
    written.await.unwrap_or_else(|_| Err(Error::failed("stdout cannot be written")))
}

/// Waits until the reader of stdout is gone; forever if stdout is not a pipe.
pub(crate) async fn closed() {
    while !is_closed() {
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

fn is_closed() -> bool {
    let out = io::stdout();
    // Ask for no events: errors are always reported.
    let mut asked = [PollFd::new(&out, PollFlags::empty())];
    let seen = poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    seen.is_ok() && asked[0].revents().contains(PollFlags::ERR)
}
