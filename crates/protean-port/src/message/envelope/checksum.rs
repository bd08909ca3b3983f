//! The checksum of a payload.

use std::fmt;

use sha2::{Digest, Sha256};

use super::canonical::canonical;
use super::unreadable::Unreadable;

/// The SHA-256 of a payload as hexadecimal digits. It is computed over the output of
/// Python's `json.dumps(payload, sort_keys=True, separators=(",", ":"))`, so spaces,
/// escapes and the order of keys make no difference.
///
/// ```
/// # use protean_port::message::Checksum;
/// let one = Checksum::of(r#"{"title": "é", "price": 10.50}"#).unwrap();
/// let other = Checksum::of(r#"{"price":1.05e1,"title":"\u00E9"}"#).unwrap();
/// assert_eq!(one, other);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum(String);

impl Checksum {
    /// The checksum of a payload.
    ///
    /// # Errors
    /// When the payload is not JSON, or nests deeper than 127 objects and lists.
    pub fn of(json: &str) -> Result<Self, Unreadable> {
        let mut digits = String::with_capacity(64);
        for byte in Sha256::digest(canonical(json)?) {
            for half in [byte >> 4, byte & 0xf] {
                digits.push(char::from(b"0123456789abcdef"[usize::from(half)]));
            }
        }
        Ok(Self(digits))
    }

    /// The checksum as 64 hexadecimal digits in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
