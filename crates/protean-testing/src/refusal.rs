//! What is said when something failed or was refused, or was not.

use protean_port::{Error, Result};

/// What is wrong when `field` is to be at fault; nothing when it is.
pub(crate) fn not_rejected(error: &Error, field: &str) -> Option<String> {
    let at_fault = error.violations().is_some_and(|found| !found.get(field).is_empty());
    let told = || format!("'{field}' is expected to be at fault, but this is why: {error}");
    (!at_fault).then(told)
}

/// An error with its causes.
pub(crate) fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}\n  caused by: {error}");
        cause = error.source();
    }
    text
}

/// What was done.
///
/// # Panics
/// When it failed.
#[track_caller]
pub(crate) fn succeeded<T>(what: &str, outcome: Result<T>) -> T {
    match outcome {
        Ok(value) => value,
        Err(error) => panic!("{what} failed: {}", told(&error)),
    }
}
