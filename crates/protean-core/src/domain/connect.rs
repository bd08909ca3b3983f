//! Opening what a domain is configured for: its database and its brokers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join;
use protean_port::message::{LaneRule, Priority};
use protean_port::port::{Broker, SchemaDifference, Store};
use protean_port::{Error, Result};

use super::advice::ServerAdvice;
use super::domain::Domain;
use super::ids::KnownIds;
use crate::unit::Env;

/// The broker that is configured by this name, `[brokers.NAME]`: opened, and
/// checked whether it can be relied on. Safe to drop; the next call goes on.
///
/// # Errors
/// When the domain has no such broker, or an inline one, which is not there to be
/// opened; when it cannot be reached now, which
/// [is unavailable](protean_port::Error::is_unavailable); or when something about it
/// has to be changed first.
pub async fn broker<'a>(domain: &'a Domain, name: &str) -> Result<&'a Arc<dyn Broker>> {
    domain.shared().brokers.get(name).await
}

/// Opens the database and the brokers of these names, apart from those that the domain uses, to
/// find out whether a server could begin. A broker that cannot be reached now is passed over: what
/// needs it waits for it.
///
/// # Errors
/// When the database cannot be opened or prepared, or when something about a broker
/// has to be changed first.
pub async fn preflight(domain: &Domain, brokers: &[&str]) -> Result<Preflight> {
    let store = domain.open().await?.named;
    domain.prepare(&*store).await?;
    let mut opened = Preflight { store, brokers: BTreeMap::new() };
    for name in brokers {
        match domain.shared().brokers.open(name).await {
            Ok(broker) => drop(opened.brokers.insert((*name).to_owned(), broker)),
            Err(failed) if failed.is_unavailable() => {}
            Err(failed) => return Err(failed),
        }
    }
    Ok(opened)
}

/// What was opened to find out whether a server could begin. Dropping it closes it.
pub struct Preflight {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The brokers that could be reached, by their names.
    pub brokers: BTreeMap<String, Arc<dyn Broker>>,
}

/// Makes sure that the database of a domain is there, for a program that only looks: opening it
/// would create one where none is. Such a program registers no group and leaves the tables as they
/// are, those of the framework as well, so that servers of another version go on as before; what it
/// reads of a table fails where that lacks a column.
///
/// # Errors
/// When there is no database at the configured place, or one of another program.
pub async fn require_database(domain: &Domain) -> Result {
    let shared = domain.shared();
    if shared.prepared.initialized() {
        return Ok(());
    }
    shared.only_looks.store(true, Ordering::Relaxed);
    let absence = shared.provider.absence(&shared.location).await?;
    absence.map_or(Ok(()), |why| {
        Err(Error::failed(format!(
            "{why}, and nothing was created: check `database_uri`, or create it with `db setup`"
        )))
    })
}

/// The store of a domain as it is, where groups are called by their [ids](KnownIds).
///
/// # Errors
/// When the database cannot be opened, or has tables in another form.
pub async fn base_store(domain: &Domain) -> Result<&Arc<dyn Store>> {
    Ok(&domain.opened().await?.base)
}

/// The same, where tables and groups may be those of another version of the program.
///
/// # Errors
/// When the database cannot be opened.
pub async fn look(domain: &Domain) -> Result<&Arc<dyn Store>> {
    Ok(&domain.looked_at().await?.base)
}

/// The store of a domain with its tables and groups, also if it was opened only to be
/// [looked at](require_database).
///
/// # Errors
/// When the database cannot be opened, or has tables in another form.
pub async fn prepared_store(domain: &Domain) -> Result<&Arc<dyn Store>> {
    Ok(&domain.prepared().await?.named)
}

/// A handle on the same domain for which every message is bulk work that nobody waits for.
///
/// # Errors
/// When the store cannot be opened.
pub async fn all_in_bulk(domain: &Domain) -> Result<Domain> {
    let arrivals = domain.arrivals(domain.looked_at().await?);
    let machine_turns = Arc::new(domain.env().machine_turns.unhurried(arrivals));
    let lanes = LaneRule { threshold: Some(Priority::ALL.1) };
    // Messages that are years old must not continue their traces.
    let tracer = None;
    Ok(domain.with_env(Env { lanes, machine_turns, tracer, ..(**domain.env()).clone() }))
}

/// The ids of the groups of a domain, once its store is open.
pub fn known_ids(domain: &Domain) -> &KnownIds {
    &domain.shared().ids
}

/// Asks the database and the brokers of a domain about their settings, all at once, and
/// changes nothing. Takes at most three seconds; safe to drop.
pub async fn server_advice(domain: &Domain) -> Vec<ServerAdvice> {
    let shared = domain.shared();
    let database = shared.provider.advice(&shared.location);
    let database = ServerAdvice::of("databases.default".into(), database);
    let (database, mut brokers) = join(database, shared.brokers.advice()).await;
    brokers.insert(0, database);
    brokers
}

/// How the tables of the database differ from those that the domain declares. Changes nothing in a
/// database that [is there](require_database).
///
/// # Errors
/// When the database cannot be opened or read.
pub async fn difference(domain: &Domain) -> Result<SchemaDifference> {
    let shared = domain.shared();
    let store = shared.provider.open(&shared.location).await?;
    store.difference(&domain.catalog().layout()).await
}

/// Changes the tables of the database to those that the domain declares, as the start of a server
/// does, and registers no group.
///
/// # Errors
/// When the database cannot be opened or written, or a person is needed; nothing is changed then.
pub async fn migrate(domain: &Domain) -> Result {
    base_store(domain).await?.prepare(&domain.catalog().layout(), &[]).await
}

/// Removes everything the domain keeps in its database. There is no way back.
///
/// # Errors
/// When the database cannot be opened or written.
pub async fn destroy(domain: &Domain) -> Result {
    let shared = domain.shared();
    let store = shared.provider.open(&shared.location).await?;
    store.destroy(&domain.catalog().layout()).await
}
