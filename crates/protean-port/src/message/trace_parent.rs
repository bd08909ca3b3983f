//! The trace context of a message.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The place in a distributed trace, as in the header `traceparent` of the W3C:
/// `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`.
///
/// ```
/// # use protean_port::message::TraceParent;
/// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let parent: TraceParent = header.parse().unwrap();
/// assert_eq!(parent.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// assert!(parent.is_sampled());
/// assert_eq!(parent.to_string(), header);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TraceParent {
    trace: u128,
    parent: u64,
    sampled: bool,
}

impl TraceParent {
    /// The id of the trace: 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// The id of the span that sent the message: 16 hexadecimal digits.
    pub fn parent_id(&self) -> String {
        format!("{:016x}", self.parent)
    }

    /// True when the trace is recorded.
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// A trace context of these ids; `None` if one is malformed.
    pub(super) fn of(trace_id: &str, parent_id: &str, sampled: bool) -> Option<Self> {
        let is_hex = |text: &str, digits| {
            text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        if !is_hex(trace_id, 32) || !is_hex(parent_id, 16) {
            return None;
        }
        let trace = u128::from_str_radix(trace_id, 16).ok().filter(|id| *id != 0)?;
        let parent = u64::from_str_radix(parent_id, 16).ok().filter(|id| *id != 0)?;
        Some(Self { trace, parent, sampled })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.parent, u8::from(self.sampled))
    }
}

impl FromStr for TraceParent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = || {
            let mut parts = text.splitn(4, '-');
            let (version, trace, parent) = (parts.next()?, parts.next()?, parts.next()?);
            // A later version may add parts after the flags.
            let flags = u8::from_str_radix(parts.next()?.get(..2)?, 16).ok()?;
            if version.len() != 2 || version == "ff" {
                return None;
            }
            Self::of(trace, parent, flags & 1 == 1)
        };
        parsed().ok_or_else(|| {
            format!(
                "'{text:.80}' is not a traceparent: expected one such as \
                 '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'"
            )
        })
    }
}

impl From<TraceParent> for String {
    fn from(parent: TraceParent) -> Self {
        parent.to_string()
    }
}

impl TryFrom<String> for TraceParent {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::TraceParent;

    #[test]
    fn a_malformed_traceparent_is_refused() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for text in [
            String::new(),
            "00".into(),
            format!("00-{trace}-00f067aa0ba902b7"),
            format!("ff-{trace}-00f067aa0ba902b7-01"),
            format!("00-{trace}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-+{}-00f067aa0ba902b7-01", &trace[1..]),
            format!("00-{trace}-00f067aa0ba902b7-zz"),
        ] {
            assert!(
                text.parse::<TraceParent>().unwrap_err().contains("is not a traceparent"),
                "{text}"
            );
        }
        let later = format!("01-{trace}-00f067aa0ba902b7-03-more");
        assert!(later.parse::<TraceParent>().unwrap().is_sampled());
    }
}
