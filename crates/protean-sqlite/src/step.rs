//! Steps at which a test can end the process or let it fail. They do nothing without the
//! feature `failpoints`.

use std::io;

/// A step has been reached.
#[cfg(feature = "failpoints")]
pub(crate) fn reached(step: &str) {
    fail::fail_point!(step);
}

/// A step has been reached.
#[cfg(not(feature = "failpoints"))]
pub(crate) const fn reached(_: &str) {}

/// The failure that a test wants here.
#[cfg(feature = "failpoints")]
pub(crate) fn failure(step: &str) -> io::Result<()> {
    fail::fail_point!(step, |_| Err(io::Error::other("a test lets it fail")));
    Ok(())
}

/// The failure that a test wants here.
#[cfg(not(feature = "failpoints"))]
#[expect(clippy::unnecessary_wraps, reason = "it fails in tests")]
pub(crate) const fn failure(_: &str) -> io::Result<()> {
    Ok(())
}
