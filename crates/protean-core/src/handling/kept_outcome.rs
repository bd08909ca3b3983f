//! The outcome of a command, as stored under its idempotency key.

use std::sync::Arc;

use protean_port::message::{Message, Timestamp};
use protean_port::port::KeyClaim;

use super::idempotency::key_claim;

const REJECTED: &str = "rejected: ";
const DEAD: &str = "dead: ";
const EXPIRED: &str = "expired";
const CANCELLED: &str = "cancelled";

/// The outcome of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeptOutcome {
    /// It was handled; this is the return value of its handler, as JSON.
    Handled(Arc<str>),
    /// It was refused for good, for this reason.
    Rejected(String),
    /// It was given up, for this reason.
    Dead(String),
    /// Its deadline had passed.
    Expired,
    /// It was scheduled, and cancelled before it was due.
    Cancelled,
}

impl KeptOutcome {
    /// The stored text. Failures begin with a prefix that JSON never begins with.
    fn to_text(&self) -> Arc<str> {
        match self {
            Self::Handled(json) => Arc::clone(json),
            Self::Rejected(reason) => format!("{REJECTED}{reason}").into(),
            Self::Dead(reason) => format!("{DEAD}{reason}").into(),
            Self::Expired => EXPIRED.into(),
            Self::Cancelled => CANCELLED.into(),
        }
    }

    /// Reads the text under a key.
    pub(crate) fn read(text: &str) -> Self {
        match text {
            EXPIRED => Self::Expired,
            CANCELLED => Self::Cancelled,
            _ => {
                let reason = |of| text.strip_prefix(of).map(str::to_owned);
                let failed = reason(REJECTED).map(Self::Rejected);
                let failed = failed.or_else(|| reason(DEAD).map(Self::Dead));
                failed.unwrap_or_else(|| Self::Handled(text.into()))
            }
        }
    }

    /// Why it failed, to follow the name of the command; `None` if it was handled.
    pub(crate) fn failure(&self) -> Option<String> {
        match self {
            Self::Handled(_) => None,
            Self::Rejected(reason) => Some(format!("was rejected: {reason}")),
            Self::Dead(reason) => Some(format!("was given up: {reason}")),
            Self::Expired => Some("came after its deadline".into()),
            Self::Cancelled => Some("was cancelled before it was due".into()),
        }
    }

    /// The command's claim on its key, with this outcome; `None` for a command without a key.
    pub(crate) fn claim(&self, message: &Message, expires: Timestamp) -> Option<KeyClaim> {
        let claim = key_claim(message, expires)?;
        Some(KeyClaim { output: Some(self.to_text()), ..claim })
    }
}

#[cfg(test)]
mod tests {
    use super::KeptOutcome;

    #[test]
    fn is_read_as_it_is_kept() {
        let answers = ["null", "{\"dead\": 1}", "\"rejected: no\"", "7", "true", "false", "[]"];
        let handled = answers.iter().map(|json| KeptOutcome::Handled((*json).into()));
        let failed = [
            KeptOutcome::Rejected("dead: ".into()),
            KeptOutcome::Rejected(String::new()),
            KeptOutcome::Dead("expired".into()),
            KeptOutcome::Expired,
            KeptOutcome::Cancelled,
        ];
        for outcome in handled.chain(failed) {
            assert_eq!(KeptOutcome::read(&outcome.to_text()), outcome);
        }
    }
}
