//! The idempotency key of a command, as its sender gives it.

use std::sync::Arc;

use protean_port::message::Extensions;
use protean_port::{Result, Violations};

/// Texts that stand for no key: what programs write where a value is missing.
const PLACEHOLDERS: [&str; 9] =
    ["null", "none", "nil", "undefined", "nan", "n/a", "#n/a", "-", "?"];

/// The idempotency key that a sender gives a command.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    text: Arc<str>,
    is_permanent: bool,
}

impl Key {
    /// One that holds until the command is handled, and then for `idempotency.ttl`.
    pub(crate) fn expiring(text: impl Into<Arc<str>>) -> Self {
        Self { text: text.into(), is_permanent: false }
    }

    /// One that holds for ever.
    pub(crate) fn permanent(text: impl Into<Arc<str>>) -> Self {
        Self { text: text.into(), is_permanent: true }
    }

    /// Checks that it tells commands apart.
    ///
    /// # Errors
    /// When it is empty, or what programs write where a value is missing.
    pub(crate) fn check(&self) -> Result {
        let text = self.text.trim();
        let is_placeholder = PLACEHOLDERS.iter().any(|known| known.eq_ignore_ascii_case(text));
        if !text.is_empty() && !is_placeholder {
            return Ok(());
        }
        let mut violations = Violations::new();
        violations.add(
            "idempotency_key",
            format!(
                "does not distinguish commands ('{}'): leave it out, or give one that does",
                self.text
            ),
        );
        violations.into_result()
    }

    /// The text.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The properties of a message with this key, if there is one.
    pub(crate) fn extensions(key: Option<&Self>) -> Extensions {
        Extensions {
            idempotency_key: key.map(|key| Arc::clone(&key.text)),
            permanent_key: key.is_some_and(|key| key.is_permanent),
            ..Extensions::default()
        }
    }
}
