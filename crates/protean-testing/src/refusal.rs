//! The text of failed expectations about errors.

use protean_port::{Error, Result};

/// The complaint when `field` is not at fault; `None` when it is.
pub(crate) fn not_rejected(error: &Error, field: &str) -> Option<String> {
    let at_fault = error.violations().is_some_and(|found| !found.get(field).is_empty());
    (!at_fault).then(|| format!("expected '{field}' to be at fault, but found: {error}"))
}

/// An error with its causes, one a line.
pub(crate) fn describe(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}\n  caused by: {error}");
        cause = error.source();
    }
    text
}

/// The value of a step that a test takes for granted.
///
/// # Panics
/// When it failed.
#[track_caller]
pub(crate) fn succeeded<T>(what: &str, outcome: Result<T>) -> T {
    match outcome {
        Ok(value) => value,
        Err(error) => panic!("{what} failed: {}", describe(&error)),
    }
}
