//! The one error type of the framework: opaque, with predicates.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A result whose error is [`Error`].
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// What went wrong, told for a person, with predicates for a program.
///
/// `Display` never repeats the source; walk [`source`](StdError::source) for it.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    committed: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

#[derive(Debug, Clone)]
enum Kind {
    Invalid(Violations),
    NotFound { what: String, id: String },
    Conflict(String),
    Expired(String),
    Unavailable(String),
    Misused(String),
    Failed(String),
}

impl Error {
    /// Input that breaks the rules of the model.
    pub fn invalid(violations: Violations) -> Self {
        Kind::Invalid(violations).into()
    }

    /// An aggregate or a row that is not there.
    pub fn not_found(what: impl Into<String>, id: impl Into<String>) -> Self {
        Kind::NotFound { what: what.into(), id: id.into() }.into()
    }

    /// Somebody else wrote first; trying again on fresh state may succeed.
    pub fn conflict(message: impl Into<String>) -> Self {
        Kind::Conflict(message.into()).into()
    }

    /// The deadline of a command passed before it was handled.
    pub fn expired(message: impl Into<String>) -> Self {
        Kind::Expired(message.into()).into()
    }

    /// Something outside (database, disk, broker) cannot be reached now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Kind::Unavailable(message.into()).into()
    }

    /// The program is wired or called in a way that cannot work.
    pub fn misused(message: impl Into<String>) -> Self {
        Kind::Misused(message.into()).into()
    }

    /// Anything else.
    pub fn failed(message: impl Into<String>) -> Self {
        Kind::Failed(message.into()).into()
    }

    /// Keeps `source` as the cause.
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

    /// The fields at fault with their messages, when the input was invalid.
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

    /// True when what was asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self.0.kind, Kind::NotFound { .. })
    }

    /// True when another writer came first.
    pub fn is_conflict(&self) -> bool {
        matches!(self.0.kind, Kind::Conflict(_))
    }

    /// True when the deadline had passed.
    pub fn is_expired(&self) -> bool {
        matches!(self.0.kind, Kind::Expired(_))
    }

    /// True when something outside could not be reached; nothing is wrong with the message.
    pub fn is_unavailable(&self) -> bool {
        matches!(self.0.kind, Kind::Unavailable(_))
    }

    /// True when what was asked for is committed all the same: a handler that
    /// ran after the commit failed, and its message is parked or dead.
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
            Kind::NotFound { what, id } => write!(f, "no {what} has the id '{id}'"),
            Kind::Conflict(message)
            | Kind::Expired(message)
            | Kind::Unavailable(message)
            | Kind::Misused(message)
            | Kind::Failed(message) => f.write_str(message),
        }
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

/// Field names with what is wrong with each: `{field: [messages]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Violations(BTreeMap<String, Vec<String>>);

impl Violations {
    /// No violation yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One message for one field.
    pub fn of(field: impl Into<String>, message: impl Into<String>) -> Self {
        let mut violations = Self::new();
        violations.add(field, message);
        violations
    }

    /// Adds a message for `field`, after those it has.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.entry(field.into()).or_default().push(message.into());
    }

    /// Adds everything of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (field, messages) in other.iter() {
            self.0.entry(field.to_owned()).or_default().extend_from_slice(messages);
        }
    }

    /// Adds everything of `inner` under `field`: `address` and `street` give `address.street`.
    pub fn nest(&mut self, field: &str, inner: &Self) {
        for (name, messages) in inner.iter() {
            let path = if name.is_empty() { field.to_owned() } else { format!("{field}.{name}") };
            self.0.entry(path).or_default().extend_from_slice(messages);
        }
    }

    /// True when nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The messages for one field, empty when it has none.
    pub fn get(&self, field: &str) -> &[String] {
        self.0.get(field).map_or(&[], Vec::as_slice)
    }

    /// Every field with its messages, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(field, messages)| (field.as_str(), messages.as_slice()))
    }

    /// `Ok` when nothing is wrong, else the error that carries them.
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
            write!(f, "{separator}{field}: {}", messages.join(", "))?;
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
