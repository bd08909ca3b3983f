//! `[server.dlq]`: looking after dead letters.

use std::time::Duration;

use super::quantity::SOME;
use super::section::Section;

/// Upkeep of dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetters {
    /// Whether the server does it.
    pub enabled: bool,
    /// How long a dead letter is kept.
    pub retention: Duration,
    /// How many of one subscription are worth an alert.
    pub alert_threshold: u64,
    /// How often the server looks.
    pub check_interval: Duration,
}

impl DeadLetters {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        section.obsolete(&["alert_callback"]);
        let week = Duration::from_secs(7 * 24 * 3600);
        let check_interval = section.some_seconds("check_interval_seconds");
        Self {
            enabled: section.flag("enabled").unwrap_or(false),
            retention: section.hours("retention_hours").unwrap_or(week),
            alert_threshold: section.whole("alert_threshold", SOME).unwrap_or(100),
            check_interval: check_interval.unwrap_or(Duration::from_secs(60)),
        }
    }
}
