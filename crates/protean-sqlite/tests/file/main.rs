//! What holds for one SQLite file beyond the contract of the ports.
//!
//! * `layout`: tables as they are in the file, and what cannot be extended
//! * `outbox`: the view of that name
//! * `processes`: several stores and processes on one file
//! * `sudden`: processes that end in the middle of a commit
//! * `room`: a file that cannot grow
//! * `units`: units that try to break out of their transaction

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod layout;
mod outbox;
mod processes;
#[cfg(unix)]
mod room;
#[cfg(unix)]
mod sudden;
mod units;

use std::path::Path;
use std::sync::Arc;

use protean_port::message::Category;
use protean_port::message::{
    Column, ColumnKind, Extensions, Id, Kind, Lane, Message, Priority, Row, Stream, Table,
    Timestamp, Value,
};
use protean_port::port::{
    Append, Changes, Expect, Location, Outcome, Provider, RowChange, RowWrite, Store,
};
use protean_sqlite::Sqlite;

async fn open(path: &Path) -> Arc<dyn Store> {
    let uri = format!("sqlite://{}", path.display());
    Sqlite.open(&Location { uri: Some(uri), ..Location::default() }).await.unwrap()
}

async fn prepared(path: &Path, tables: &[Table]) -> Arc<dyn Store> {
    let store = open(path).await;
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
