//! What holds for a SQLite file beyond the contract of the ports.
//!
//! * `changes`: versions of a program that change its tables
//! * `layout`: how tables are laid out in the file, and what cannot be extended
//! * `outbox`: the view `outbox`
//! * `processes`: several stores and processes on one file
//! * `queries`: which indexes queries use, and how long pages of a large table take
//! * `rebuilds`: tables that take the place of others
//! * `sudden`: processes that end during a commit
//! * `room`: a file that cannot grow
//! * `units`: units that try to end their transaction

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod changes;
mod layout;
mod outbox;
mod processes;
mod queries;
mod rebuilds;
#[cfg(unix)]
mod room;
#[path = "../../../protean-sql/tests/samples/mod.rs"]
mod samples;
#[cfg(unix)]
mod sudden;
mod units;

use std::path::Path;
use std::sync::Arc;

use protean_port::message::Table;
use protean_port::port::{Location, Provider, Store};
use protean_sqlite::Sqlite;
use samples::{account, append, column, commit, is_committed, people, person, unit};

async fn open(path: &Path) -> Arc<dyn Store> {
    let uri = format!("sqlite://{}", path.display());
    Sqlite.open(&Location { uri: Some(uri), ..Location::default() }).await.unwrap()
}

async fn prepared(path: &Path, tables: &[Table]) -> Arc<dyn Store> {
    let store = open(path).await;
    store.prepare(tables, &[]).await.unwrap();
    store
}
