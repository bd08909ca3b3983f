//! What holds for a PostgreSQL server beyond the contract of the ports.
//!
//! * `claims`: who reads when a process is killed
//! * `durability`: what was shown to anybody outlives a crash
//! * `faults`: connections and servers that end in the middle of a commit
//! * `layout`: tables as they are in the database, and what cannot be extended
//! * `locations`: databases that cannot be opened
//! * `outbox`: the view of that name
//! * `proxy`: a connection on which something happens to a COMMIT
//! * `stores`: several stores and processes on one database
//! * `units`: units that the database refuses
//! * `waits`: how long one process can hold up the others

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod claims;
mod durability;
mod faults;
mod layout;
mod locations;
mod outbox;
mod proxy;
mod stores;
mod units;
mod waits;

use std::sync::Arc;

use protean_core::message::Category;
use protean_core::message::{
    Column, ColumnKind, Extensions, Id, Kind, Lane, Message, Priority, Row, Stream, Table,
    Timestamp, Value,
};
use protean_core::port::{
    Append, Changes, Expect, Location, Outcome, Provider, RowChange, RowWrite, Store,
};
use protean_postgres::Postgres;
use protean_test_servers::{self as servers, Database};

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

fn column(name: &str, kind: ColumnKind) -> Column {
    Column { name: name.into(), kind, nullable: true, unique: false }
}

fn people() -> Table {
    let email = Column { unique: true, ..column("email", ColumnKind::Text) };
    let balance = Column { unique: true, ..column("balance", ColumnKind::Decimal) };
    let id = Column { nullable: false, ..column("id", ColumnKind::Text) };
    Table { name: "people".into(), key: 0, columns: vec![id, email, balance] }
}

fn person(key: &str, email: Value, balance: Value) -> RowWrite {
    let row: Row = vec![Value::text(key), email, balance].into();
    let (table, change) = (Arc::new(people()), RowChange::Put(row));
    RowWrite { table, key: key.into(), expected: None, version: 0, change }
}

fn account(id: &str) -> Stream {
    Category::of("bank", "account").stream(&Id::from(id))
}

fn append(stream: &Stream, priority: Priority) -> Append {
    let message = Message {
        id: Id::new().into(),
        stream: stream.clone(),
        kind: Kind::Event,
        type_name: "Bank.Opened.v1".into(),
        version: 1,
        priority,
        correlation_id: "c".into(),
        causation_id: None,
        time: Timestamp::from_micros(1_795_000_000_123_456),
        data: "{\"amount\": 1}".into(),
        extensions: Extensions::default(),
    };
    Append { message, expect: Expect::End }
}

fn unit(lane: Lane, stream: &Stream) -> Changes {
    let priority = if lane == Lane::Primary { Priority::NORMAL } else { Priority::BULK };
    Changes { appends: vec![append(stream, priority)], ..Changes::new(lane) }
}

async fn commit(store: &dyn Store, units: Vec<Changes>) -> Vec<Outcome> {
    store.commit(units.into()).await
}

fn is_committed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Committed(_))
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
