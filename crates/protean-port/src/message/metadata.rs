//! The metadata of a message.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Result, Violations};

/// Keys with this prefix belong to the framework.
const RESERVED: &str = "protean.";
/// The maximum number of keys of a message.
const MAX_KEYS: usize = 32;
/// The maximum length of a key.
const MAX_KEY_BYTES: usize = 64;
/// The maximum number of bytes in all keys and values of a message.
const MAX_BYTES: usize = 4096;

/// Strings by key that a message and everything it causes carry: a tenant, a user, the id of a
/// request. Cheap to clone.
///
/// A key consists of ASCII letters, digits and `_ - . : /`, and does not begin with `protean.`. A
/// message has at most 32 of them, with at most 4096 bytes in all.
///
/// ```
/// # use protean_port::message::Metadata;
/// let mut metadata = Metadata::default();
/// metadata.set("tenant", "acme");
/// assert_eq!(metadata.get("tenant"), Some("acme"));
/// assert!(metadata.check().is_ok());
/// metadata.set("protean.position", "7");
/// assert!(metadata.check().is_err());
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(Option<Arc<BTreeMap<String, String>>>);

impl Metadata {
    /// True when it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|texts| texts.is_empty())
    }

    /// The value of this key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.as_ref()?.get(key).map(String::as_str)
    }

    /// Every key with its value, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .flat_map(|texts| texts.iter())
            .map(|(key, text)| (key.as_str(), text.as_str()))
    }

    /// Sets the value of a key, replacing any earlier one.
    pub fn set(&mut self, key: impl Into<String>, text: impl Into<String>) {
        let texts = self.0.get_or_insert_default();
        Arc::make_mut(texts).insert(key.into(), text.into());
    }

    /// Adds all of another one, whose texts win.
    pub fn extend(&mut self, other: &Self) {
        match self.0 {
            None => self.clone_from(other),
            Some(_) => other.iter().for_each(|(key, text)| self.set(key, text)),
        }
    }

    /// Only the entries with one of these keys.
    #[must_use]
    pub fn only(&self, keys: &[String]) -> Self {
        let mut kept = Self::default();
        let allowed = self.iter().filter(|(key, _)| keys.iter().any(|known| known == key));
        allowed.for_each(|(key, text)| kept.set(key, text));
        kept
    }

    /// # Errors
    /// [Invalid](crate::Error::is_invalid) if a key is malformed or reserved, or there are too many
    /// keys or bytes.
    pub fn check(&self) -> Result {
        let mut faults = Violations::new();
        for (key, _) in self.iter() {
            if let Some(fault) = fault_of(key) {
                faults.add("metadata", format!("the key {key:.80?} {fault}"));
            }
        }
        let (keys, bytes) = (self.iter().count(), self.bytes());
        if keys > MAX_KEYS {
            faults.add("metadata", format!("has {keys} keys: at most {MAX_KEYS} are allowed"));
        }
        if bytes > MAX_BYTES {
            let fault = format!("has {bytes} bytes: at most {MAX_BYTES} are allowed");
            faults.add("metadata", fault);
        }
        faults.into_result()
    }

    fn bytes(&self) -> usize {
        self.iter().map(|(key, text)| key.len() + text.len()).sum()
    }

    /// The metadata of another system, in key order, without entries that break the rules.
    pub(super) fn received(sent: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut received = Self::default();
        for (key, text) in sent {
            let fits = received.iter().count() < MAX_KEYS
                && received.bytes() + key.len() + text.len() <= MAX_BYTES;
            if fits && fault_of(&key).is_none() {
                received.set(key, text);
            }
        }
        received
    }
}

/// The fault of a key, if any.
fn fault_of(key: &str) -> Option<String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
    if key.is_empty() || !key.bytes().all(is_allowed) {
        return Some("must consist of ASCII letters, digits and _ - . : /".into());
    }
    if key.len() > MAX_KEY_BYTES {
        return Some(format!("has more than {MAX_KEY_BYTES} bytes"));
    }
    key.starts_with(RESERVED).then(|| format!("is reserved: choose one without '{RESERVED}'"))
}

impl fmt::Display for Metadata {
    /// `request_id=7 tenant=acme user="Ada Lovelace"`: on one line, and with quotes around every text
    /// that could be read as something else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (key, text)) in self.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            let quoted = format!("{text:?}");
            let is_escaped = quoted.len() > text.len() + "\"\"".len();
            let is_split = text.contains(|letter: char| letter.is_whitespace() || letter == '=');
            let text = if is_escaped || is_split { &quoted } else { text };
            write!(f, "{space}{key}={text}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Metadata;

    fn fault(metadata: &Metadata) -> String {
        metadata.check().unwrap_err().to_string()
    }

    #[test]
    fn too_much_metadata_or_a_malformed_key_is_refused() {
        let of = |key: &str, text: &str| {
            let mut metadata = Metadata::default();
            metadata.set(key, text);
            metadata
        };
        assert!(of("a_b-c.d:e/F9", "any text, Ä\n").check().is_ok());
        for key in ["", "a b", "ä", "a\n", "a="] {
            assert!(fault(&of(key, "x")).contains("must consist of ASCII letters"), "{key}");
        }
        assert!(fault(&of(&"k".repeat(65), "x")).contains("more than 64 bytes"));
        assert!(fault(&of("protean.position", "x")).contains("is reserved"));
        assert!(of("protean", "x").check().is_ok());
        assert!(of("k", &"x".repeat(4095)).check().is_ok());
        assert!(fault(&of("k", &"x".repeat(4096))).contains("has 4097 bytes: at most 4096"));
        let mut many = Metadata::default();
        (0..33).for_each(|number| many.set(format!("k{number}"), ""));
        assert!(fault(&many).contains("has 33 keys: at most 32"));
    }

    #[test]
    fn entries_of_other_systems_that_break_the_rules_are_dropped() {
        let sent = [("a", "1"), ("b b", "2"), ("protean.position", "3"), ("z", "4")];
        let sent = sent.map(|(key, text)| (key.to_owned(), text.to_owned()));
        assert_eq!(Metadata::received(sent).to_string(), "a=1 z=4");
        let many = (0..100).map(|number| (format!("k{number:02}"), "x".repeat(200)));
        let received = Metadata::received(many);
        assert!(received.check().is_ok() && received.iter().count() == 20, "{received:?}");
    }

    #[test]
    fn no_text_looks_like_another_entry_or_line() {
        for (text, shown) in [
            ("acme", "acme"),
            ("Käse-7/ä:'x'", "Käse-7/ä:'x'"),
            ("", ""),
            ("a b", "\"a b\""),
            ("x user=root", "\"x user=root\""),
            ("x\nERROR forged", "\"x\\nERROR forged\""),
            ("\u{1b}[2J", "\"\\u{1b}[2J\""),
            ("\u{202e}x", "\"\\u{202e}x\""),
            ("\u{2028}", "\"\\u{2028}\""),
            ("a=b", "\"a=b\""),
            ("say \"x\"", "\"say \\\"x\\\"\""),
            ("\"x", "\"\\\"x\""),
            ("a\\b", "\"a\\\\b\""),
        ] {
            let mut metadata = Metadata::default();
            metadata.set("k", text);
            assert_eq!(metadata.to_string(), format!("k={shown}"));
        }
    }

    #[test]
    fn what_is_added_wins_and_a_clone_stays_as_it_is() {
        let mut first = Metadata::default();
        first.set("a", "1");
        first.set("b", "1");
        let before = first.clone();
        let mut more = Metadata::default();
        more.set("b", "2");
        first.extend(&more);
        assert_eq!((first.to_string(), before.to_string()), ("a=1 b=2".into(), "a=1 b=1".into()));
        assert_eq!(first.only(&["b".into(), "c".into()]).to_string(), "b=2");
    }
}
