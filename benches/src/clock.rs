//! The wall clock, which all processes share.

use protean::port::{Clock, SystemClock};

/// Microseconds since 1970.
pub(crate) fn now() -> i64 {
    SystemClock.now().as_micros()
}
