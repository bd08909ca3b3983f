//! `[server.version_retry]`: when another writer came first.

use std::time::Duration;

use super::quantity::ANY;
use super::section::Section;

/// Running a handler again, at once, after a version conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRetry {
    /// Whether it is done.
    pub enabled: bool,
    /// How often, before the conflict counts as a failure.
    pub max_retries: u32,
    /// The wait before the first retry.
    pub base_delay: Duration,
    /// The longest wait.
    pub max_delay: Duration,
}

impl VersionRetry {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let base_delay = section.seconds("base_delay_seconds");
        let max_delay = section.seconds("max_delay_seconds").unwrap_or(Duration::from_secs(1));
        if base_delay.is_some_and(|base| base > max_delay) {
            section.conflict("base_delay_seconds", "is above max_delay_seconds; lower it");
        }
        Self {
            enabled: section.flag("enabled").unwrap_or(true),
            max_retries: section.whole("max_retries", ANY).unwrap_or(3),
            base_delay: base_delay.unwrap_or(Duration::from_millis(50).min(max_delay)),
            max_delay,
        }
    }
}
