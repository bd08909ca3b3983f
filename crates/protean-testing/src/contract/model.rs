//! A store compared with the memory store.

use std::future::Future;

use super::Subject;

/// Placeholder.
pub fn agrees_with_the_memory_store<S: Future<Output = Subject>>(_fresh: impl Fn() -> S) {}

/// Placeholder.
pub fn accounts_close_whatever_is_settled<S: Future<Output = Subject>>(_fresh: impl Fn() -> S) {}
