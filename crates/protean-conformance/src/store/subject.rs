//! A store under test, and how one fact of it is shown.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use protean_port::Result;
use protean_port::port::Store;

use super::sample;
use crate::runtime::runtime;

/// A store under test and what must live as long as it.
pub struct Subject {
    store: Arc<dyn Store>,
    guards: Vec<Box<dyn Any>>,
}

impl Subject {
    /// A store that needs nothing kept.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, guards: Vec::new() }
    }

    /// Drops `guard` after the store only.
    pub fn keeping(mut self, guard: impl Any) -> Self {
        self.guards.push(Box::new(guard));
        self
    }

    /// The store.
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }
}

/// Shows one fact of a fresh store that knows the sample's tables and groups.
///
/// # Panics
/// When the fact does not hold, a read fails, or it takes longer than a minute.
pub fn show<S, F>(fresh: impl FnOnce() -> S, fact: impl FnOnce(Arc<dyn Store>) -> F)
where
    S: Future<Output = Subject>,
    F: Future<Output = Result>,
{
    let shown = runtime().block_on(async {
        let subject = fresh().await;
        let store = subject.store();
        store.prepare(&sample::tables(), &sample::registrations()).await?;
        let fact = tokio::time::timeout(Duration::from_secs(60), fact(store));
        fact.await.unwrap_or_else(|_| panic!("it took longer than a minute"))
    });
    shown.unwrap_or_else(|error| panic!("{error:?}"));
}
