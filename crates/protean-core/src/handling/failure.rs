//! Failures of handlers, and what they mean for the message.

use std::error::Error as StdError;
use std::fmt;

use protean_port::Error;

/// What a handler gives back: its answer, or why there is none.
pub type Handled<T = ()> = std::result::Result<T, Failure>;

/// Why a handler did not do its work. `?` makes one of every error type.
///
/// It is not an error itself, so that every error can become one.
pub struct Failure {
    kind: FailureKind,
    error: Box<dyn StdError + Send + Sync>,
}

/// What the failure means for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// The message itself is refused; trying again would change nothing.
    Rejected,
    /// Something outside is down; trying later costs no attempt.
    Unavailable,
    /// A newer version of the program is needed; trying later costs no attempt.
    TooNew,
    /// Another writer came first; trying again at once may succeed.
    Conflict,
    /// Anything else; trying again costs an attempt.
    Failed,
}

impl Failure {
    /// The message is refused for good.
    pub fn rejected(reason: impl Into<String>) -> Self {
        Self { kind: FailureKind::Rejected, error: Box::new(Error::failed(reason)) }
    }

    /// Something outside is down: the message waits and no attempt is burnt.
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self { kind: FailureKind::Unavailable, error: Box::new(Error::unavailable(reason)) }
    }

    /// The same, as something that another try cannot mend.
    pub(super) fn rejecting(self) -> Self {
        Self { kind: FailureKind::Rejected, ..self }
    }

    /// What it means for the message.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The framework's own error, when this came of one.
    pub fn error(&self) -> Option<&Error> {
        self.error.downcast_ref()
    }

    /// As an error for a caller.
    pub fn into_error(self) -> Error {
        match self.error.downcast::<Error>() {
            Ok(error) => *error,
            Err(other) => Error::failed(other.to_string()).with_source(other),
        }
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let error: Box<dyn StdError + Send + Sync> = Box::new(error);
        let kind = match error.downcast_ref::<Error>() {
            Some(own) if own.is_invalid() => FailureKind::Rejected,
            Some(own) if own.is_unavailable() => FailureKind::Unavailable,
            Some(own) if own.is_too_new() => FailureKind::TooNew,
            Some(own) if own.is_conflict() => FailureKind::Conflict,
            _ => FailureKind::Failed,
        };
        Self { kind, error }
    }
}

impl fmt::Display for Failure {
    /// The error and its causes, each once.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)?;
        let mut cause = self.error.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure").field("kind", &self.kind).field("error", &self.error).finish()
    }
}
