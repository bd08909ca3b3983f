//! The one error type of the framework: opaque, with predicates.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A result whose error is [`Error`].
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// What went wrong: a message for people, and predicates for programs.
///
/// `{}` prints the message alone; `{:#}` prints it with its causes, on one line. An error
/// never repeats its [`source`](StdError::source) in its own message.
///
/// ```
/// # use protean_port::Error;
/// let disk = std::io::Error::other("disk full");
/// let error = Error::unavailable("the log cannot be written").with_source(disk);
/// assert!(error.is_unavailable());
/// assert_eq!(format!("{error}"), "the log cannot be written");
/// assert_eq!(format!("{error:#}"), "the log cannot be written: disk full");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    committed: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

#[derive(Debug, Clone)]
enum Kind {
    Invalid(Violations),
    NotFound(String),
    Conflict(String),
    Expired(String),
    Unavailable(String),
    TooNew(String),
    Misused(String),
    Failed(String),
}

impl Error {
    /// The input breaks the rules of the model.
    pub fn invalid(violations: Violations) -> Self {
        Kind::Invalid(violations).into()
    }

    /// An aggregate or a row does not exist.
    pub fn not_found(what: impl Into<String>, id: impl Into<String>) -> Self {
        Self::missing(format!("no {} has the id '{}'", what.into(), id.into()))
    }

    /// Something that is named, such as a stream, does not exist.
    pub fn missing(message: impl Into<String>) -> Self {
        Kind::NotFound(message.into()).into()
    }

    /// Another writer came first; a retry on fresh state may succeed.
    pub fn conflict(message: impl Into<String>) -> Self {
        Kind::Conflict(message.into()).into()
    }

    /// The deadline of a command passed before it was handled.
    pub fn expired(message: impl Into<String>) -> Self {
        Kind::Expired(message.into()).into()
    }

    /// Something outside the program (database, disk, broker) cannot be reached now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Kind::Unavailable(message.into()).into()
    }

    /// A newer version of the program has written this, and this one cannot read it.
    pub fn too_new(message: impl Into<String>) -> Self {
        Kind::TooNew(message.into()).into()
    }

    /// The program is wired or called in a way that cannot work.
    pub fn misused(message: impl Into<String>) -> Self {
        Kind::Misused(message.into()).into()
    }

    /// The work failed for any other reason.
    pub fn failed(message: impl Into<String>) -> Self {
        Kind::Failed(message.into()).into()
    }

    /// Adds the cause. The message must not repeat it.
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Marks an error that came after the transaction had committed.
    #[doc(hidden)]
    pub fn after_commit(mut self) -> Self {
        self.0.committed = true;
        self
    }

    /// The violations by field, when the input was invalid.
    pub fn violations(&self) -> Option<&Violations> {
        match &self.0.kind {
            Kind::Invalid(violations) => Some(violations),
            _ => None,
        }
    }

    /// True when the input broke the rules of the model.
    pub fn is_invalid(&self) -> bool {
        matches!(self.0.kind, Kind::Invalid(_))
    }

    /// True when an aggregate or a row does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self.0.kind, Kind::NotFound(_))
    }

    /// True when another writer came first.
    pub fn is_conflict(&self) -> bool {
        matches!(self.0.kind, Kind::Conflict(_))
    }

    /// True when the deadline had passed.
    pub fn is_expired(&self) -> bool {
        matches!(self.0.kind, Kind::Expired(_))
    }

    /// True when something outside the program could not be reached. The input is not at
    /// fault, and a later retry may succeed.
    pub fn is_unavailable(&self) -> bool {
        matches!(self.0.kind, Kind::Unavailable(_))
    }

    /// True when a newer version of the program is needed to read what is stored. Nothing is at
    /// fault, and a retry once that version runs may succeed.
    pub fn is_too_new(&self) -> bool {
        matches!(self.0.kind, Kind::TooNew(_))
    }

    /// True when the program is wired or called in a way that cannot work.
    pub fn is_misuse(&self) -> bool {
        matches!(self.0.kind, Kind::Misused(_))
    }

    /// True when the work failed for a reason that none of the other predicates names.
    pub fn is_failure(&self) -> bool {
        matches!(self.0.kind, Kind::Failed(_))
    }

    /// True when the transaction committed all the same: a handler that ran after the
    /// commit failed, and its message is parked or dead.
    pub fn committed(&self) -> bool {
        self.0.committed
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self(Box::new(Inner { kind, committed: false, source: None }))
    }
}

impl From<Violations> for Error {
    fn from(violations: Violations) -> Self {
        Self::invalid(violations)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Invalid(violations) => write!(f, "{violations}"),
            Kind::NotFound(message)
            | Kind::Conflict(message)
            | Kind::Expired(message)
            | Kind::Unavailable(message)
            | Kind::TooNew(message)
            | Kind::Misused(message)
            | Kind::Failed(message) => f.write_str(message),
        }?;
        if f.alternate() {
            let mut cause = self.source();
            while let Some(error) = cause {
                write!(f, ": {error}")?;
                cause = error.source();
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind);
        if self.0.committed {
            debug.field("committed", &true);
        }
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// What is wrong with the input, by field: `{field: [messages]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Violations(BTreeMap<String, Vec<String>>);

impl Violations {
    /// An empty set of violations.
    pub fn new() -> Self {
        Self::default()
    }

    /// A set with one message for one field.
    pub fn of(field: impl Into<String>, message: impl Into<String>) -> Self {
        let mut violations = Self::new();
        violations.add(field, message);
        violations
    }

    /// Adds a message for `field`, after its earlier ones.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.entry(field.into()).or_default().push(message.into());
    }

    /// Adds all violations of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (field, messages) in other.iter() {
            self.0.entry(field.to_owned()).or_default().extend_from_slice(messages);
        }
    }

    /// Adds all violations of `inner` under `field`: `address` and `street` give `address.street`.
    pub fn nest(&mut self, field: &str, inner: &Self) {
        for (name, messages) in inner.iter() {
            let path = if name.is_empty() { field.to_owned() } else { format!("{field}.{name}") };
            self.0.entry(path).or_default().extend_from_slice(messages);
        }
    }

    /// True when there is no violation.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The messages for one field; empty when it has none.
    pub fn get(&self, field: &str) -> &[String] {
        self.0.get(field).map_or(&[], Vec::as_slice)
    }

    /// Every field with its messages, sorted by field name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(field, messages)| (field.as_str(), messages.as_slice()))
    }

    /// `Ok` when there is no violation, otherwise an error with all of them.
    ///
    /// # Errors
    /// [`Error::invalid`] with these violations, when there are any.
    pub fn into_result(self) -> Result {
        if self.is_empty() { Ok(()) } else { Err(Error::invalid(self)) }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (field, messages)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            let colon = if field.is_empty() { "" } else { ": " };
            write!(f, "{separator}{field}{colon}{}", messages.join(", "))?;
        }
        Ok(())
    }
}

/// Returns early with a violation unless the condition holds.
///
/// ```
/// # use protean_port::{ensure, Result};
/// fn deposit(amount: i64) -> Result {
///     ensure!(amount > 0, "amount" => "Deposit amount must be positive");
///     Ok(())
/// }
/// assert_eq!(deposit(0).unwrap_err().to_string(), "amount: Deposit amount must be positive");
/// ```
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $field:expr => $($message:tt)+) => {
        if !$condition {
            return ::core::result::Result::Err(::core::convert::From::from(
                $crate::Error::invalid($crate::Violations::of($field, ::std::format!($($message)+))),
            ));
        }
    };
}

#[cfg(test)]
mod tests {
    use super::{Error, Violations};

    #[test]
    fn the_alternate_form_prints_every_cause_once() {
        let disk = std::io::Error::other("disk full");
        let log = Error::unavailable("the log cannot be written").with_source(disk);
        let error = Error::failed("the order was not placed").with_source(log);
        assert_eq!(error.to_string(), "the order was not placed");
        let all = "the order was not placed: the log cannot be written: disk full";
        assert_eq!(format!("{error:#}"), all);
        assert_eq!(format!("{:#}", Error::conflict("changed")), "changed");
    }

    #[test]
    fn every_kind_answers_to_exactly_one_predicate() {
        let kinds = [
            Error::invalid(Violations::of("amount", "must be positive")),
            Error::not_found("Account", "17"),
            Error::conflict("changed"),
            Error::expired("too late"),
            Error::unavailable("disk full"),
            Error::misused("not registered"),
            Error::failed("broken"),
        ];
        let predicates = [
            Error::is_invalid,
            Error::is_not_found,
            Error::is_conflict,
            Error::is_expired,
            Error::is_unavailable,
            Error::is_misuse,
            Error::is_failure,
        ];
        for (kind, error) in kinds.iter().enumerate() {
            let answers = predicates.map(|holds| holds(error));
            assert_eq!(answers.iter().filter(|holds| **holds).count(), 1, "{error}");
            assert!(answers[kind], "{error}");
        }
    }
}
