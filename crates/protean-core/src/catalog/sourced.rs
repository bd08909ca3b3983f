//! Aggregates that are kept as events, and the table of their snapshots.

use std::sync::Arc;

use protean_port::message::{Column, ColumnKind, SNAPSHOTS, Table};

use crate::model::{Member, MessageType, Replay};

/// How an aggregate is kept as events.
#[derive(Debug)]
pub struct Sourced {
    /// The events it applies.
    pub(crate) events: &'static [MessageType],
    /// What its snapshots begin with: another text, another form.
    pub(crate) form: Arc<str>,
    /// The form of its snapshots: the version, and the fields of the state.
    pub(crate) snapshots: (u32, fn() -> Vec<Member>),
    /// The columns of its state, which a snapshot holds.
    pub(crate) columns: Vec<Column>,
}

impl Sourced {
    pub(crate) fn of<A: Replay>() -> Self {
        let columns = A::columns();
        let named: Vec<String> = columns
            .iter()
            .map(|Column { name, kind, nullable, .. }| {
                format!("{name}:{kind:?}{}", if *nullable { "?" } else { "" })
            })
            .collect();
        let events: Vec<String> =
            A::EVENTS.iter().map(|event| format!("{}.v{}", event.name, event.version)).collect();
        let (version, fields, events) = (A::SNAPSHOT_VERSION, named.join(" "), events.join(" "));
        let form = format!("{version} {fields} of {events}").into();
        Self { events: A::EVENTS, form, snapshots: (A::SNAPSHOT_VERSION, A::members), columns }
    }
}

/// The table of snapshots, a row a stream.
pub(super) fn snapshot_table() -> Table {
    let column = |(name, kind): (&str, ColumnKind)| Column {
        name: name.to_owned(),
        kind,
        nullable: false,
        unique: false,
        default: None,
        renamed_from: Vec::new(),
    };
    let columns = [
        ("stream", ColumnKind::Text),
        ("form", ColumnKind::Text),
        ("version", ColumnKind::Integer),
        ("data", ColumnKind::Text),
    ];
    let columns = columns.map(column).into();
    Table { name: SNAPSHOTS.to_owned(), key: 0, columns, indexes: Vec::new() }
}
