//! Formats numbers for people.

/// How a table shows an unknown number.
const UNKNOWN: &str = "unknown";

/// The units with their letters, the largest first.
const UNITS: [(u64, char); 3] = [(1_000_000_000, 'G'), (1_000_000, 'M'), (1_000, 'K')];

/// The smallest number that is shortened.
const MIN_SHORTENED: u64 = 10_000;

/// From 10,000 on at most three digits and a unit, rounded down: `450K`, `1.9M`, `12.3K`.
/// Smaller numbers are shown in full.
pub fn short(number: u64) -> String {
    let unit = UNITS.iter().find(|(unit, _)| number >= *unit && number >= MIN_SHORTENED);
    let Some((unit, letter)) = unit else { return number.to_string() };
    let (whole, tenth) = (number / unit, number % unit * 10 / unit);
    if whole >= 100 || tenth == 0 {
        format!("{whole}{letter}")
    } else {
        format!("{whole}.{tenth}{letter}")
    }
}

/// The number with commas between thousands: `32,451`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A number formatted by `format`, or the word for an unknown one.
pub fn or_unknown(number: Option<u64>, format: fn(u64) -> String) -> String {
    number.map_or_else(|| UNKNOWN.to_owned(), format)
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::{grouped, or_unknown, short};

    #[test]
    fn short_numbers_have_the_documented_form() {
        for (number, expected) in [
            (0, "0"),
            (10, "10"),
            (9_999, "9999"),
            (10_000, "10K"),
            (12_399, "12.3K"),
            (450_000, "450K"),
            (999_999, "999K"),
            (1_000_000, "1M"),
            (1_999_999, "1.9M"),
            (20_050_000, "20M"),
            (7_300_000_000, "7.3G"),
        ] {
            assert_eq!(short(number), expected);
        }
    }

    #[test]
    fn grouped_numbers_have_the_documented_form() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (32_451, "32,451"), (1_000_000, "1,000,000")]
        {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn an_unknown_number_is_never_zero() {
        assert_eq!(or_unknown(None, short), "unknown");
        assert_eq!(or_unknown(Some(0), short), "0");
    }

    proptest! {
        #[test]
        fn a_short_number_is_short(number in 0..1_000_000_000_000_u64) {
            prop_assert!(short(number).len() <= 5, "{}", short(number));
        }

        #[test]
        fn grouping_loses_no_digit(number: u64) {
            prop_assert_eq!(grouped(number).replace(',', ""), number.to_string());
        }
    }
}
