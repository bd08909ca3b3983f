//! Words and numbers for people.

use std::time::Duration;

use protean_engine::{age, short};
use protean_port::message::Timestamp;

/// How an unknown value is shown.
pub(crate) const UNKNOWN: &str = "unknown";

/// A number of any size with few digits: `0.4`, `3.2`, `74`, `12.3K`.
pub(crate) fn number(value: f64) -> String {
    if value < 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let rounded = if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") };
    match rounded.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None if value >= 10_000.0 => short(value as u64),
        None => rounded,
    }
}

/// Milliseconds: `3.2 ms`, `1.4 s`, or unknown.
pub(crate) fn milliseconds(value: Option<f64>) -> String {
    match value {
        None => UNKNOWN.to_owned(),
        Some(ms) if ms >= 1000.0 => format!("{:.1} s", ms / 1000.0),
        Some(ms) if ms >= 100.0 => format!("{ms:.0} ms"),
        Some(ms) => format!("{ms:.1} ms"),
    }
}

/// A rate: `1,234/s`, or unknown.
pub(crate) fn per_second(value: Option<f64>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| format!("{}/s", number(value)))
}

/// How long ago something was: `3m 4s ago`.
pub(crate) fn ago(now: Timestamp, then: Timestamp) -> String {
    format!("{} ago", age(now.since(then)))
}

/// When something is due: `in 3m 4s`, or how long it has been due.
pub(crate) fn in_or_ago(now: Timestamp, due: Timestamp) -> String {
    if due > now { format!("in {}", age(due.since(now))) } else { ago(now, due) }
}

/// How long something has run.
pub(crate) fn running(seconds: f64) -> String {
    age(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// `1 message`, `3 messages`.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", protean_engine::grouped(count), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::{counted, milliseconds, number, per_second};

    #[test]
    fn numbers_have_few_digits() {
        for (value, expected) in [
            (0.0, "0"),
            (0.44, "0.4"),
            (9.96, "10"),
            (74.4, "74"),
            (9999.0, "9999"),
            (12_345.0, "12.3K"),
            (2_000_000.0, "2M"),
        ] {
            assert_eq!(number(value), expected, "{value}");
        }
        assert_eq!(milliseconds(Some(3.24)), "3.2 ms");
        assert_eq!(milliseconds(Some(1_440.0)), "1.4 s");
        assert_eq!(milliseconds(None), "unknown");
        assert_eq!(per_second(Some(16_288.0)), "16.2K/s");
        assert_eq!(counted(1, "message", "messages"), "1 message");
        assert_eq!(counted(1200, "message", "messages"), "1,200 messages");
    }
}
