//! How a configured broker becomes one that can be used.

use std::sync::Arc;
use std::time::Duration;

use super::{BoxFuture, Broker};
use crate::Result;

/// Opens brokers of one kind.
pub trait BrokerProvider: Send + Sync {
    /// The name `domain.toml` uses: `redis`, …
    fn name(&self) -> &'static str;

    /// What is wrong with a location, found without connecting; `None` when nothing is.
    fn fault(&self, location: &BrokerLocation) -> Option<String>;

    /// Settings of the broker that make production wait, each as a sentence with what was
    /// found and what to set. Asks the broker and changes nothing; one that keeps its
    /// settings to itself has none.
    ///
    /// # Errors
    /// When the broker cannot be asked.
    fn advice<'a>(&'a self, _: &'a BrokerLocation) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// Connects to the broker and checks that its settings suffice. Cancel safe: nothing
    /// stays open.
    ///
    /// # Errors
    /// [Unavailable](crate::Error::is_unavailable) when the broker cannot be reached now;
    /// any other error means that its settings or the location have to be changed first.
    /// Errors say what to do and never show a password.
    fn open<'a>(&'a self, location: &'a BrokerLocation) -> BoxFuture<'a, Result<Arc<dyn Broker>>>;
}

/// The location of a broker and how to use it.
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
