//! When messages are handled.

use super::choice::Choice;

/// Whether messages are handled by the caller or by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processing {
    /// Before the call that caused the message returns.
    Sync,
    /// Later, by a server process.
    Async,
}

impl Choice for Processing {
    const ALL: &'static [(&'static str, Self)] = &[("async", Self::Async), ("sync", Self::Sync)];
}
