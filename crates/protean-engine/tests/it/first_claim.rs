//! A store on which somebody else claims an idempotency key just before a unit does.

use std::sync::{Arc, Mutex};

use protean::memory::MemoryProvider;
use protean::port::{
    BoxFuture, Changes, KeyWrite, Location, Provider, Store, StoreView, ViewedStore,
};
use protean::{DomainBuilder, Result};

/// The ids of commands that come first begin so.
pub(crate) const FIRST: &str = "first-";

/// Commits a command with the first key that a unit claims, just before that unit.
#[derive(Clone, Default)]
pub(crate) struct First(pub(crate) Arc<Mutex<Option<Arc<[Changes]>>>>);

impl First {
    pub(crate) fn on_every_database(&self, builder: DomainBuilder) -> DomainBuilder {
        let of = |provider: Box<dyn Provider>| FirstProvider { provider, first: self.clone() };
        let builder = builder.provider(of(Box::new(MemoryProvider)));
        let builder = builder.provider(of(Box::new(protean_sqlite::Sqlite)));
        builder.provider(of(Box::new(protean_postgres::Postgres)))
    }
}

struct FirstProvider {
    provider: Box<dyn Provider>,
    first: First,
}

impl Provider for FirstProvider {
    fn name(&self) -> &'static str {
        self.provider.name()
    }

    fn fault(&self, location: &Location) -> Option<String> {
        self.provider.fault(location)
    }

    fn open<'a>(&'a self, location: &'a Location) -> BoxFuture<'a, Result<Arc<dyn Store>>> {
        Box::pin(async move {
            let store = self.provider.open(location).await?;
            let view = FirstView { store: Arc::clone(&store), first: self.first.clone() };
            Ok(Arc::new(ViewedStore::new(store, view)) as Arc<dyn Store>)
        })
    }
}

struct FirstView {
    store: Arc<dyn Store>,
    first: First,
}

impl StoreView for FirstView {
    fn units(&self, units: Arc<[Changes]>) -> Arc<[Changes]> {
        let mut first = self.first.0.lock().unwrap();
        if first.is_none()
            && let Some(unit) = units.iter().find_map(of_first)
        {
            let before: Arc<[Changes]> = [unit].into();
            *first = Some(Arc::clone(&before));
            let commit = self.store.commit(before);
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(commit));
        }
        units
    }
}

/// A unit that sends a command with the key of a `Welcome` in this one.
fn of_first(unit: &Changes) -> Option<Changes> {
    let KeyWrite::Claim(claim) = unit
        .keys
        .iter()
        .find(|write| matches!(write, KeyWrite::Claim(claim) if *claim.command == *"Welcome"))?
    else {
        return None;
    };
    let mut append = unit.appends.iter().find(|of| of.message.id == claim.message_id)?.clone();
    let mut claim = claim.clone();
    // Each is another one.
    let id: Arc<str> = format!("{FIRST}{}", claim.key).into();
    (append.message.id, claim.message_id) = (Arc::clone(&id), id);
    let mut first = Changes::new(unit.lane);
    first.keys.push(KeyWrite::Claim(claim));
    first.appends.push(append);
    Some(first)
}
