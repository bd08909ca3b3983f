//! How a configured broker becomes one that can be used.

use std::sync::Arc;
use std::time::Duration;

use super::{BoxFuture, Broker};
use crate::Result;

/// Opens brokers of one kind.
pub trait BrokerProvider: Send + Sync {
    /// The name `domain.toml` uses: `redis`, …
    fn name(&self) -> &'static str;

    /// What is wrong with a location, without touching it; `None` when nothing is.
    fn fault(&self, location: &BrokerLocation) -> Option<String>;

    /// Connects to the broker and checks that it can be relied on. Dropping the
    /// future leaves nothing open.
    ///
    /// # Errors
    /// When it cannot be reached now, which [is unavailable](crate::Error::is_unavailable);
    /// otherwise something about it or the location has to be changed first. Either
    /// says what to do, and shows no password.
    fn open<'a>(&'a self, location: &'a BrokerLocation) -> BoxFuture<'a, Result<Arc<dyn Broker>>>;
}

/// Where a broker is and how to use it.
#[derive(Clone, Default)]
pub struct BrokerLocation {
    /// `URI`; may hold a password.
    pub uri: Option<String>,
    /// How many connections may be open at once.
    pub max_connections: Option<u32>,
    /// How long an answer may take.
    pub socket_timeout: Option<Duration>,
    /// How long connecting may take.
    pub socket_connect_timeout: Option<Duration>,
}
