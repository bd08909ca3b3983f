//! What a service in Python makes of our messages, and we of its.
//!
//! * `interpreter`: a Python that is asked line by line
//! * `checksum`: random JSON has the checksum that Python gives it
//! * `exchange`: Protean for Python 0.18 reads our entries, and we read its
//!
//! They need `python3`, 3.11 or later, and `exchange` the environment that
//! `cargo xtask test` sets up.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod checksum;
mod exchange;
mod interpreter;
