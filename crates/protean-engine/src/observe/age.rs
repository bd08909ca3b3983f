//! Formats an age for people.

use std::time::Duration;

/// The units in seconds, each with its letter, the largest first.
const UNITS: [(u64, char); 4] = [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')];

/// The two largest units, rounded down: `3d 4h`, `12m`, `0s`.
pub fn age(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    let largest = UNITS.iter().position(|(unit, _)| seconds >= *unit).unwrap_or(UNITS.len() - 1);
    let (unit, letter) = UNITS[largest];
    let whole = format!("{}{letter}", seconds / unit);
    match UNITS.get(largest + 1) {
        Some((next, letter)) if seconds % unit >= *next => {
            format!("{whole} {}{letter}", seconds % unit / next)
        }
        _ => whole,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::age;

    #[test]
    fn an_age_has_its_two_largest_units() {
        for (seconds, expected) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (61, "1m 1s"),
            (3_599, "59m 59s"),
            (3_601, "1h"),
            (90_000, "1d 1h"),
            (86_400 * 400, "400d"),
        ] {
            assert_eq!(age(Duration::from_secs(seconds)), expected);
        }
    }
}
