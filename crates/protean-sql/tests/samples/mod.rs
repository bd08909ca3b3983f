//! Tables, messages and units for the tests of the SQL adapters.
//!
//! Both adapters include this file, so that the same units meet both databases.

pub(crate) mod changes;
pub(crate) mod counts;
pub(crate) mod outbox;
pub(crate) mod queries;
pub(crate) mod rebuilds;

use std::sync::Arc;

use protean_port::message::{
    Category, Column, ColumnKind, Extensions, Id, Kind, Lane, Message, Priority, Row, Stream,
    Table, Timestamp, Value,
};
use protean_port::port::{Append, Changes, Expect, Outcome, RowChange, RowWrite, Store};

pub(crate) fn column(name: &str, kind: ColumnKind) -> Column {
    Column {
        name: name.into(),
        kind,
        nullable: true,
        unique: false,
        default: None,
        renamed_from: Vec::new(),
    }
}

pub(crate) fn people() -> Table {
    let email = Column { unique: true, ..column("email", ColumnKind::Text) };
    let balance = Column { unique: true, ..column("balance", ColumnKind::Decimal) };
    let id = Column { nullable: false, ..column("id", ColumnKind::Text) };
    let columns = vec![id, email, balance];
    Table { name: "people".into(), key: 0, columns, indexes: Vec::new() }
}

pub(crate) fn person(key: &str, email: Value, balance: Value) -> RowWrite {
    let row: Row = vec![Value::text(key), email, balance].into();
    let (table, change) = (Arc::new(people()), RowChange::Put(row));
    RowWrite { table, key: key.into(), expected: None, version: 0, change }
}

pub(crate) fn account(id: &str) -> Stream {
    Category::of("bank", "account").stream(&Id::from(id))
}

pub(crate) fn append(stream: &Stream, priority: Priority) -> Append {
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

pub(crate) fn unit(lane: Lane, stream: &Stream) -> Changes {
    let priority = if lane == Lane::Primary { Priority::NORMAL } else { Priority::BULK };
    Changes { appends: vec![append(stream, priority)], ..Changes::new(lane) }
}

pub(crate) async fn commit(store: &dyn Store, units: Vec<Changes>) -> Vec<Outcome> {
    store.commit(units.into()).await
}

pub(crate) fn is_committed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Committed(_))
}
