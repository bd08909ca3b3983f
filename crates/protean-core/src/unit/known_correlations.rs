//! Which events belong to which process, as this process of the program knows it.

use std::sync::{Arc, PoisonError, RwLock};

use protean_port::Result;
use protean_port::message::Kind;
use protean_port::port::{Append, Changes, Correlations, Expect, Store};

/// The correlations that the store has. Clones share them. One that has grown old is noticed by the
/// store, which leaves the unit out.
#[derive(Clone, Debug, Default)]
pub struct KnownCorrelations(Arc<RwLock<Arc<Correlations>>>);

impl KnownCorrelations {
    /// Looks at the correlations in the store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn refresh(&self, store: &dyn Store) -> Result {
        let found = Arc::new(store.correlations().await?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }

    /// Adds the copies of its events to a unit.
    pub(super) fn add_copies(&self, changes: &mut Changes) {
        if changes.appends.iter().all(|append| append.message.kind != Kind::Event) {
            return;
        }
        let known = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        let copies = changes.appends.iter().flat_map(|append| known.copies(&append.message));
        let copies: Vec<Append> =
            copies.map(|message| Append { message, expect: Expect::End }).collect();
        changes.appends.extend(copies);
        changes.correlated = Some(known.generation());
    }
}
