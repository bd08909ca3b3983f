//! What holds for a PostgreSQL server beyond the contract of the ports.
//!
//! * `advice`: settings that make production wait or weaken a commit
//! * `changes`: versions of a program that change its tables
//! * `claims`: which process reads after another one is killed
//! * `durability`: whatever was read survives a crash
//! * `faults`: connections and servers that end during a commit
//! * `layout`: how tables are laid out in the database, and what cannot be extended
//! * `locations`: databases that cannot be opened
//! * `outbox`: the view `outbox`
//! * `pages`: what a page of the log says of its messages
//! * `proxy`: a connection that interferes with a COMMIT
//! * `queries`: which indexes queries use, and how long pages of a large table take
//! * `rebuilds`: tables that take the place of others
//! * `roles`: a role that uses tables without owning them
//! * `stores`: several stores and processes on one database
//! * `units`: units that the database refuses
//! * `waits`: how long one process can delay the others

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod advice;
mod changes;
mod claims;
mod durability;
mod faults;
mod layout;
mod locations;
mod outbox;
mod pages;
mod proxy;
mod queries;
mod rebuilds;
mod roles;
#[path = "../../../protean-sql/tests/samples/mod.rs"]
mod samples;
mod stores;
mod units;
mod waits;

use std::sync::Arc;

use protean_port::message::{Stream, Table};
use protean_port::port::{Location, Provider, Store};
use protean_postgres::Postgres;
use protean_test_servers::{self as servers, Database};
use samples::{account, column, commit, is_committed, people, person, unit};

fn database() -> Database {
    servers::Postgres::shared().database()
}

fn location(uri: &str) -> Location {
    Location { uri: Some(uri.to_owned()), pool_size: 2, ..Location::default() }
}

async fn open(uri: &str) -> Arc<dyn Store> {
    Postgres.open(&location(uri)).await.unwrap()
}

async fn prepared(uri: &str, tables: &[Table]) -> Arc<dyn Store> {
    let store = open(uri).await;
    store.prepare(tables, &[]).await.unwrap();
    store
}

async fn ids(store: &dyn Store, stream: &Stream) -> Vec<Arc<str>> {
    let messages = store.stream(stream, 0, 100_000).await.unwrap();
    messages.iter().map(|recorded| Arc::clone(&recorded.message.id)).collect()
}

/// A connection of another program.
async fn raw(uri: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(uri, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
