//! Which log this is.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use super::BoxFuture;
use crate::Result;

/// Says which log a store holds, so that what lies elsewhere is not taken for its own.
pub trait LogIdentity: Send + Sync {
    /// The id of the log. It is made with the log, and a copy of the database has the same.
    fn log_id(&self) -> BoxFuture<'_, Result<LogId>>;

    /// Gives the log a new id, so that it is another than its copies.
    fn renew_log_id(&self) -> BoxFuture<'_, Result<LogId>>;
}

/// The id of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogId(Arc<str>);

impl LogId {
    /// An id that no other log has.
    pub fn fresh() -> Self {
        Self(Arc::from(Uuid::now_v7().to_string()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for LogId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
