//! Snapshots: the state of an event-sourced aggregate at one of its events,
//! kept beside the log so that loading need not replay all that came before.
//!
//! Nobody sees whether there are any. A snapshot is the state that replaying
//! gives, never what a handler left in the fields; it commits with the event it
//! belongs to; one of another form, or one that cannot be read, is as good as none.

use std::sync::Arc;

use protean_port::message::{Column, ColumnKind, Id, Row, SNAPSHOTS, Table, Value};
use protean_port::port::{BoxFuture, RowState};
use protean_port::{Error, Result};

use super::history::load;
use super::registry::Names;
use super::unit::Unit;
use crate::model::{Replay, Root, Values};

/// How an aggregate is kept as events.
#[derive(Debug)]
pub struct Sourced {
    /// The names and versions of the events it applies.
    pub(crate) events: &'static [(&'static str, u32)],
    /// What its snapshots begin with: another text, another form.
    form: Arc<str>,
    columns: Vec<Column>,
    /// Takes a snapshot of one instance; `false` when there is one of this version.
    pub(crate) keep: for<'a> fn(&'a Unit, &'a Id) -> BoxFuture<'a, Result<bool>>,
}

impl Sourced {
    pub(crate) fn of<A: Replay>() -> Self {
        let columns = A::columns();
        let named = columns.iter().map(|Column { name, kind, nullable, .. }| {
            format!("{name}:{kind:?}{}", if *nullable { "?" } else { "" })
        });
        let named: Vec<String> = named.collect();
        let form = format!("{} {}", A::SNAPSHOT_VERSION, named.join(" ")).into();
        Self { events: A::EVENTS, form, columns, keep: |unit, id| Box::pin(keep::<A>(unit, id)) }
    }
}

/// The table of snapshots, a row a stream.
pub(super) fn table() -> Table {
    let column = |(name, kind): (&str, ColumnKind)| Column {
        name: name.to_owned(),
        kind,
        nullable: false,
        unique: false,
    };
    let columns = [
        ("stream", ColumnKind::Text),
        ("form", ColumnKind::Text),
        ("version", ColumnKind::Integer),
        ("data", ColumnKind::Text),
    ];
    Table { name: SNAPSHOTS.to_owned(), key: 0, columns: columns.map(column).into() }
}

/// The position of the last event in the last snapshot of an instance.
async fn version(unit: &Unit, names: &Names, id: &Id) -> Result<Option<u64>> {
    let Some(sourced) = &names.sourced else { return Ok(None) };
    let row = row(unit, names, id).await?.row;
    Ok(row.and_then(|row| current(sourced, &row).map(|(version, _)| version)))
}

async fn row(unit: &Unit, names: &Names, id: &Id) -> Result<RowState> {
    let stream = names.category.stream(id);
    unit.row(&unit.domain.registry().snapshots, stream.as_str()).await
}

/// The last snapshot of an instance and the position of the last event in it.
pub(super) async fn find<A: Replay>(
    unit: &Unit,
    names: &Names,
    id: &Id,
) -> Result<Option<(u64, A)>> {
    let Some(sourced) = &names.sourced else { return Ok(None) };
    let row = row(unit, names, id).await?.row;
    let Some((version, data)) = row.as_ref().and_then(|row| current(sourced, row)) else {
        return Ok(None);
    };
    match restored(sourced, data, (id, version)) {
        Ok(aggregate) => Ok(Some((version, aggregate))),
        Err(fault) => {
            let stream = names.category.stream(id);
            tracing::warn!(%stream, "the snapshot is left aside, it cannot be read: {fault}");
            Ok(None)
        }
    }
}

/// Version and data of a row in the present form.
fn current<'r>(sourced: &Sourced, row: &'r Row) -> Option<(u64, &'r str)> {
    match &**row {
        [_, Value::Text(form), Value::Integer(version), Value::Text(data)]
            if *form == sourced.form =>
        {
            Some((u64::try_from(*version).ok()?, data))
        }
        _ => None,
    }
}

fn restored<A: Replay>(
    sourced: &Sourced,
    data: &str,
    (id, version): (&Id, u64),
) -> Result<A, String> {
    let row = values(&sourced.columns, data)?;
    let mut aggregate = A::read(&mut Values::new(&row))?;
    *aggregate.root_mut() = Root::restored(id.clone(), Some(version));
    Ok(aggregate)
}

/// Keeps a snapshot with the events that are being kept, when enough of them
/// have come since the last one.
pub(super) async fn keep_if_due<A: Replay>(unit: &Unit, names: &Names, aggregate: &A) -> Result {
    let threshold = u64::from(unit.domain.config().snapshot_threshold);
    let root = aggregate.root();
    let count = root.version().map_or(0, |version| version + 1) + root.raised().len() as u64;
    if threshold == 0 || count < threshold || root.raised().is_empty() {
        return Ok(());
    }
    let before = version(unit, names, root.id()).await?;
    let since = before.map_or(count, |version| count.saturating_sub(version + 1));
    if since < threshold {
        return Ok(());
    }
    if let Err(fault) = write::<A>(unit, names, root.id()).await {
        tracing::warn!(id = %root.id(), "no snapshot of {}: {fault}", A::NAME);
    }
    Ok(())
}

/// Keeps a snapshot of an instance; `false` when there is one of this version.
async fn keep<A: Replay>(unit: &Unit, id: &Id) -> Result<bool> {
    let names = unit.domain.registry().names::<A>()?;
    write::<A>(unit, names, id).await
}

/// Writes what replaying gives; `false` when that is kept already.
async fn write<A: Replay>(unit: &Unit, names: &Names, id: &Id) -> Result<bool> {
    let found = load::<A>(unit, id, None).await?;
    let aggregate = found.ok_or_else(|| Error::not_found(A::NAME, id.as_str()))?;
    let (Some(sourced), Some(version)) = (&names.sourced, aggregate.root().version()) else {
        return Ok(false);
    };
    let before = find::<A>(unit, names, id).await?;
    if before.is_some_and(|(before, _)| before >= version) {
        return Ok(false);
    }
    // Only values that keep the rules of their fields survive being a column.
    aggregate.check().into_result()?;
    let mut columns = Vec::new();
    aggregate.write(&mut columns);
    let stream = names.category.stream(id);
    let present = row(unit, names, id).await?;
    let row = Row::from([
        Value::Text(stream.name()),
        Value::Text(Arc::clone(&sourced.form)),
        Value::Integer(i64::try_from(version).unwrap_or(i64::MAX)),
        Value::text(json(&columns)),
    ]);
    let table = &unit.domain.registry().snapshots;
    unit.write(table, stream.as_str(), &present, Some(row));
    Ok(true)
}

/// The values of a row as a JSON list, each in a form that is exact.
fn json(row: &[Value]) -> String {
    let value = |value: &Value| match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Integer(number) => (*number).into(),
        Value::Timestamp(moment) => moment.as_micros().into(),
        // JSON numbers lose digits, and have no infinity.
        Value::Real(number) => number.to_string().into(),
        Value::Decimal(number) => number.to_string().into(),
        Value::Date(day) => day.to_string().into(),
        Value::Text(text) | Value::Json(text) => (**text).into(),
    };
    serde_json::Value::Array(row.iter().map(value).collect()).to_string()
}

/// Reads what [`json`] wrote.
fn values(columns: &[Column], data: &str) -> Result<Vec<Value>, String> {
    let found: Vec<serde_json::Value> =
        serde_json::from_str(data).map_err(|error| error.to_string())?;
    if found.len() != columns.len() {
        return Err(format!("expected {} values, found {}", columns.len(), found.len()));
    }
    columns.iter().zip(found).map(|(column, found)| value(column, &found)).collect()
}

fn value(column: &Column, found: &serde_json::Value) -> Result<Value, String> {
    use serde_json::Value as Found;
    let read = match (column.kind, found) {
        (_, Found::Null) => Some(Value::Null),
        (ColumnKind::Bool, Found::Bool(value)) => Some(Value::Bool(*value)),
        (ColumnKind::Integer, Found::Number(number)) => number.as_i64().map(Value::Integer),
        (ColumnKind::Timestamp, Found::Number(number)) => {
            let micros = number.as_i64();
            micros.map(|micros| {
                Value::Timestamp(protean_port::message::Timestamp::from_micros(micros))
            })
        }
        (ColumnKind::Real, Found::String(text)) => text.parse().ok().map(Value::Real),
        (ColumnKind::Decimal, Found::String(text)) => text.parse().ok().map(Value::Decimal),
        (ColumnKind::Date, Found::String(text)) => text.parse().ok().map(Value::Date),
        (ColumnKind::Text, Found::String(text)) => Some(Value::text(text.as_str())),
        (ColumnKind::Json, Found::String(text)) => Some(Value::Json(text.as_str().into())),
        _ => None,
    };
    let Column { name, kind, .. } = column;
    read.ok_or_else(|| format!("{name}: expected {kind:?}, found {found}"))
}
