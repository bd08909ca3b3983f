//! Changes of the intake.

use protean_port::port::{IntakeChange, IntakeEntry, left_out};
use protean_sql::signed;
use rusqlite::{Connection, Params};

use crate::refusal::Refusal;

/// Applies a change of the intake.
pub(crate) fn write(connection: &Connection, change: &IntakeChange) -> Result<(), Refusal> {
    match change {
        IntakeChange::Add(entry) => {
            let IntakeEntry { id, type_name, data, priority, key, metadata } = &**entry;
            let (key, metadata) = (key.as_deref(), metadata.as_deref());
            let row = (&**id, &**type_name, &**data, priority, key, metadata);
            run(connection, include_str!("sql/add_to_intake.sql"), row)?;
            Ok(())
        }
        IntakeChange::Take(place) => take(connection, *place),
        IntakeChange::Reject { place, reason, time } => {
            let row = (signed(*place), reason, time.as_micros());
            run(connection, include_str!("sql/reject_from_intake.sql"), row)?;
            take(connection, *place)
        }
        IntakeChange::Retry(place) => {
            run(connection, include_str!("sql/retry_reject.sql"), [signed(*place)])?;
            drop_reject(connection, *place)
        }
        IntakeChange::Drop(place) => drop_reject(connection, *place),
    }
}

fn take(connection: &Connection, place: u64) -> Result<(), Refusal> {
    match run(connection, include_str!("sql/take_from_intake.sql"), [signed(place)])? {
        0 => Err(Refusal::LeftOut(left_out::not_in_intake(place))),
        _ => Ok(()),
    }
}

fn drop_reject(connection: &Connection, place: u64) -> Result<(), Refusal> {
    match run(connection, include_str!("sql/drop_reject.sql"), [signed(place)])? {
        0 => Err(Refusal::LeftOut(left_out::not_rejected(place))),
        _ => Ok(()),
    }
}

fn run(connection: &Connection, sql: &str, row: impl Params) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(row)
}
