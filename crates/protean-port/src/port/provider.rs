//! How a configured database becomes a store.

use std::sync::Arc;

use super::{BoxFuture, Store};
use crate::Result;
use crate::message::LaneRule;

/// Opens stores of one kind.
pub trait Provider: Send + Sync {
    /// The name `domain.toml` uses: `memory`, `sqlite`, …
    fn name(&self) -> &'static str;

    /// What is wrong with a location, found without opening it; `None` when nothing is.
    fn fault(&self, location: &Location) -> Option<String>;

    /// Settings of the server at a location that make production wait or weaken what a
    /// commit promises, each as a sentence with what was found and what to set. Asks the
    /// server and changes nothing; a database without a server has none.
    ///
    /// # Errors
    /// When the server cannot be asked.
    fn advice<'a>(&'a self, _: &'a Location) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// Why there is nothing to look at: no database, or one of another program. Creates and
    /// changes nothing; `None` when the database is there.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn absence<'a>(&'a self, _: &'a Location) -> BoxFuture<'a, Result<Option<String>>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Opens the store; it need not be prepared yet.
    fn open<'a>(&'a self, location: &'a Location) -> BoxFuture<'a, Result<Arc<dyn Store>>>;
}

/// The location of a database and how to use it.
#[derive(Clone, Default)]
pub struct Location {
    /// `database_uri`, when one is given.
    pub uri: Option<String>,
    /// How durable a commit is: `off`, `normal`, `full` or `extra`.
    pub synchronous: String,
    /// How many connections may read at the same time.
    pub pool_size: usize,
    /// Which priorities are bulk work.
    pub lanes: LaneRule,
}
