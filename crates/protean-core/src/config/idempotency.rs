//! `[idempotency]`: how long the answer to a keyed command is remembered.

use std::time::Duration;

use super::section::Section;

/// Memory of commands that carried an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// How long the output of a command that succeeded is kept.
    pub ttl: Duration,
    /// How long the failure of a command is kept.
    pub error_ttl: Duration,
}

impl Idempotency {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        section.obsolete(&["redis_url"]);
        Self {
            ttl: section.some_seconds("ttl").unwrap_or(Duration::from_secs(86_400)),
            error_ttl: section.seconds("error_ttl").unwrap_or(Duration::from_secs(60)),
        }
    }
}
