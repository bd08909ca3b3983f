//! Opens stores in memory.

use std::sync::Arc;

use super::store::MemoryStore;
use crate::Result;
use crate::port::{BoxFuture, Location, Provider, Store};

/// Opens a new, empty [`MemoryStore`] each time, and ignores the location.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryProvider;

impl Provider for MemoryProvider {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn fault(&self, _location: &Location) -> Option<String> {
        None
    }

    fn open<'a>(&'a self, _location: &'a Location) -> BoxFuture<'a, Result<Arc<dyn Store>>> {
        Box::pin(async { Ok(Arc::new(MemoryStore::new()) as Arc<dyn Store>) })
    }
}
