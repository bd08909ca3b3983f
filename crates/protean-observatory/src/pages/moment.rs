//! A moment that a person types.

use protean_port::message::Timestamp;

use crate::visit::Visit;

/// What stands in the query of the address.
pub(crate) struct Moment<'a> {
    /// As it was typed.
    pub(crate) text: Option<&'a str>,
    /// As it was understood.
    pub(crate) time: Option<Timestamp>,
}

impl<'a> Moment<'a> {
    pub(crate) fn read(visit: &'a Visit<'_>) -> Self {
        let text = visit.query.get("moment").map(str::trim).filter(|text| !text.is_empty());
        Self { text, time: text.and_then(time) }
    }

    /// True when something was typed that is not a moment.
    pub(crate) fn is_unreadable(&self) -> bool {
        self.text.is_some() && self.time.is_none()
    }
}

/// A date and a time, in UTC unless there is an offset; a date alone is its first moment.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.replacen(' ', "T", 1);
    ["", "Z", "T00:00Z"].iter().find_map(|end| format!("{text}{end}").parse().ok())
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn a_moment_is_in_utc_unless_it_says_otherwise() {
        let expected = "2026-11-18T11:06:00Z".parse().ok();
        for text in [
            "2026-11-18T11:06:00Z",
            "2026-11-18 11:06",
            "2026-11-18T11:06",
            "2026-11-18T12:06:00+01:00",
            "2026-11-18T11:06:00.000000+00:00",
        ] {
            assert_eq!(time(text), expected, "{text}");
        }
        assert_eq!(time("2026-11-18"), "2026-11-18T00:00:00Z".parse().ok());
        for text in ["yesterday", "11:06", "2026-13-18 11:06"] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
