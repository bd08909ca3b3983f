//! `[logging]`: how log lines look. The variable `PROTEAN_LOG` decides what is logged.

use super::form::choices;
use super::section::Section;

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object in each line.
    Json,
}

choices!(LogFormat: "text" is Text, "json" is Json, "console" is Text, "auto" is Text);

/// The settings of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggingConfig {
    /// Their form.
    pub format: LogFormat,
}

impl LoggingConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        for key in ["level", "per_logger"] {
            section.ignored(key, "the variable PROTEAN_LOG decides what is logged; use it instead");
        }
        for key in ["log_dir", "log_file_prefix", "max_bytes", "backup_count"] {
            section.ignored(
                key,
                "log lines go to stderr; let what starts the program keep them, and remove the key",
            );
        }
        for key in
            ["slow_handler_threshold_ms", "slow_query_threshold_ms", "slow_query_truncate_chars"]
        {
            section.ignored(
                key,
                "slowness is not logged; see protean_handler_seconds on the page /metrics",
            );
        }
        section.ignored(
            "redact",
            "messages are not logged, so nothing has to be hidden; remove the key",
        );
        Self { format: section.choice("format").unwrap_or_default() }
    }
}
