//! Snapshots: the state of an event-sourced aggregate at one of its events,
//! kept beside the log so that loading need not replay all that came before.
//!
//! Handlers cannot see whether there are any. A snapshot is the state that replaying
//! gives, never what a handler left in the fields; it commits with the event it
//! belongs to; one of another form, or one that this program would not write in the same way, is
//! as good as none.

use protean_port::Result;
use protean_port::message::{Column, ColumnKind, Id, Row, Value};
use protean_port::port::RowState;

use super::unit::Unit;
use crate::catalog::{Names, Sourced};
use crate::model::{Replay, Root, Values};

/// The position of the last event in the last snapshot of an instance.
pub(super) async fn version(unit: &Unit, names: &Names, id: &Id) -> Result<Option<u64>> {
    let Some(sourced) = &names.sourced else { return Ok(None) };
    let row = row(unit, names, id).await?.row;
    Ok(row.and_then(|row| current(sourced, &row).map(|(version, _)| version)))
}

pub(super) async fn row(unit: &Unit, names: &Names, id: &Id) -> Result<RowState> {
    let stream = names.category.stream(id);
    unit.row(&unit.env.catalog.snapshots, stream.as_str()).await
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
    match restored(sourced, data, id, version) {
        Ok(aggregate) => Ok(Some((version, aggregate))),
        Err(fault) => {
            let stream = names.category.stream(id);
            tracing::debug!(%stream, %fault, "the snapshot is left aside, replaying all events");
            Ok(None)
        }
    }
}

/// True when the program uses this row of the table of snapshots; it ignores one that it would not
/// write in the same way.
pub(super) type IsUsed = fn(&Sourced, &Row) -> bool;

/// True when the program uses this snapshot.
pub(super) fn is_used<A: Replay>(sourced: &Sourced, row: &Row) -> bool {
    // Its identity changes nothing of how the state is read.
    let restored = |(version, data)| restored::<A>(sourced, data, &Id::from(""), version).is_ok();
    current(sourced, row).is_some_and(restored)
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

fn restored<A: Replay>(sourced: &Sourced, data: &str, id: &Id, version: u64) -> Result<A, String> {
    let row = values(&sourced.columns, data)?;
    let mut aggregate = A::read(&mut Values::new(&row))?;
    check_written_alike(&sourced.columns, &row, &aggregate)?;
    *aggregate.root_mut() = Root::restored(id.clone(), Some(version));
    Ok(aggregate)
}

/// Checks that nothing of what was kept is lost on the way: an element of a list may have had other
/// fields when it was written, which the reader leaves out or fills in.
fn check_written_alike<A: Replay>(
    columns: &[Column],
    kept: &[Value],
    aggregate: &A,
) -> Result<(), String> {
    let mut written = Vec::new();
    aggregate.write(&mut written);
    let mut values = columns.iter().zip(kept.iter().zip(&written));
    match values.find(|(_, (kept, written))| !is_same(kept, written)) {
        None => Ok(()),
        Some((column, _)) => Err(format!("{} was written in another form", column.name)),
    }
}

/// True for equal values; JSON may have its members in any order.
fn is_same(kept: &Value, written: &Value) -> bool {
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    match (kept, written) {
        (Value::Json(kept), Value::Json(written)) => {
            kept == written || json(kept).is_some_and(|kept| json(written) == Some(kept))
        }
        (kept, written) => kept == written,
    }
}

/// The values of a row as a JSON list, each in a form that is exact.
pub(super) fn json(row: &[Value]) -> String {
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
