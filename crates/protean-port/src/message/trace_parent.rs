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
    flags: u8,
}

/// The flag of a trace that is recorded.
const SAMPLED: u8 = 1;

impl TraceParent {
    /// A trace context with these ids and flags; `None` if an id is 0.
    pub fn new(trace: u128, parent: u64, flags: u8) -> Option<Self> {
        (trace != 0 && parent != 0).then_some(Self { trace, parent, flags })
    }

    /// The id of the trace, that of the span, and the flags.
    pub fn ids(&self) -> (u128, u64, u8) {
        (self.trace, self.parent, self.flags)
    }

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
        self.flags & SAMPLED == SAMPLED
    }

    /// A trace context with these ids; `None` if one is malformed.
    pub(super) fn of(trace_id: &str, parent_id: &str, sampled: bool) -> Option<Self> {
        Self::with(trace_id, parent_id, u8::from(sampled))
    }

    /// The flags, if there are others than [`SAMPLED`].
    pub(super) fn further_flags(&self) -> Option<u8> {
        (self.flags & !SAMPLED != 0).then_some(self.flags)
    }

    /// The same with these flags beside [`SAMPLED`].
    pub(super) fn with_further_flags(self, flags: Option<u8>) -> Self {
        let further = flags.unwrap_or_default() & !SAMPLED;
        Self { flags: self.flags | further, ..self }
    }

    fn with(trace_id: &str, parent_id: &str, flags: u8) -> Option<Self> {
        Self::new(hex(trace_id, 32)?, hex(parent_id, 16)?.try_into().ok()?, flags)
    }

    /// Reads a header: parts of a fixed length with `-` in between. A later version may add parts
    /// after the flags, and give all flags but one another meaning.
    fn read(header: &str) -> Option<Self> {
        let mut parts = header.splitn(5, '-');
        let mut part = || parts.next();
        let (version, trace_id, parent_id, flags) = (part()?, part()?, part()?, part()?);
        let (version, flags) = (hex(version, 2)?, hex(flags, 2)?.try_into().ok()?);
        let flags = match version {
            0 if part().is_some() => return None,
            0 => flags,
            0xff => return None,
            _ => flags & SAMPLED,
        };
        Self::with(trace_id, parent_id, flags)
    }
}

/// A number of exactly this many hexadecimal digits, in lower case.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_hex = text.len() == digits && text.bytes().all(is_digit);
    is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.parent, self.flags)
    }
}

impl FromStr for TraceParent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::read(text).ok_or_else(|| {
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
            format!("00-{trace}-00f067aa0ba902b7-+1"),
            format!("00-{trace}-00f067aa0ba902b7-011"),
            format!("00-{trace}-00f067aa0ba902b7-01-more"),
            format!("00-{trace}-00f067aa0ba902b7-01-"),
            format!("00-{trace}-00F067AA0BA902B7-01"),
            format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()),
            format!("00-{trace}-00f067aa0ba902b7-0A"),
            format!("zz-{trace}-00f067aa0ba902b7-01"),
            format!("0-{trace}-00f067aa0ba902b7-01"),
            format!("01-{trace}-00f067aa0ba902b7-01more"),
        ] {
            assert!(
                text.parse::<TraceParent>().unwrap_err().contains("is not a traceparent"),
                "{text}"
            );
        }
    }

    #[test]
    fn flags_are_handed_on_unchanged() {
        let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        for (flags, is_sampled) in [("00", false), ("01", true), ("02", false), ("ff", true)] {
            let header = format!("00-{trace}-{parent}-{flags}");
            let read: TraceParent = header.parse().unwrap();
            assert_eq!((read.to_string(), read.is_sampled()), (header, is_sampled));
        }
        // What the others mean in a later version is unknown.
        for later in ["03-more", "03"] {
            let later: TraceParent = format!("01-{trace}-{parent}-{later}").parse().unwrap();
            assert_eq!(later.to_string(), format!("00-{trace}-{parent}-01"));
        }
    }
}
