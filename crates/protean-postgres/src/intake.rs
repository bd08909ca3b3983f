//! What plain programs enqueue, in a table that they insert into.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::Timestamp;
use protean_port::port::{
    BoxFuture, IntakeChange, IntakeEntry, IntakeRead, IntakeReject, IntakeRow, IntakeTable,
    left_out,
};
use protean_sql::{limit, signed};
use tokio_postgres::Row;

use crate::connection::{Parameter, Session};
use crate::error::Fault;
use crate::refusal::Refusal;
use crate::store::PostgresStore;
use crate::value::{Text, number, text};
use crate::working_set::{Move, WorkingSet};

/// Where a row is, as a transaction sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum IntakeState {
    /// It waits.
    Waiting,
    /// It is rejected.
    Rejected,
    /// It was taken, and is to be deleted.
    Taken,
    /// It is gone, by a statement of its own.
    Gone,
}

impl IntakeTable for PostgresStore {
    fn intake_rows(&self, read: IntakeRead) -> BoxFuture<'_, Result<Vec<IntakeRow>>> {
        Box::pin(async move {
            let (lowest, highest) = read.range();
            let parameters: [Parameter<'_>; 4] =
                [&lowest, &highest, &limit(read.limit), &read.except];
            let rows = self.read(include_str!("sql/read_intake.sql"), &parameters).await?;
            self.explained(rows.iter().map(waiting).collect())
        })
    }

    fn intake_rejects(&self, after: u64, most: usize) -> BoxFuture<'_, Result<Vec<IntakeReject>>> {
        Box::pin(async move {
            let sql = include_str!("sql/read_intake_rejects.sql");
            let rows = self.read(sql, &[&signed(after), &limit(most)]).await?;
            self.explained(rows.iter().map(reject).collect())
        })
    }
}

fn waiting(row: &Row) -> Result<IntakeRow, Fault> {
    let (place, is_logged) = (number(row, 0)?, row.try_get(6)?);
    Ok(IntakeRow { place, entry: entry(row)?, is_logged, is_garbled: false })
}

fn reject(row: &Row) -> Result<IntakeReject, Fault> {
    Ok(IntakeReject {
        place: number(row, 0)?,
        entry: entry(row)?,
        reason: text(row, 6)?.into_owned(),
        time: Timestamp::from_micros(row.try_get(7)?),
    })
}

/// What was inserted. Another program has written it, so nothing in it is escaped.
fn entry(row: &Row) -> Result<IntakeEntry, Fault> {
    let shown = |column: usize| row.try_get::<_, &str>(column).map(Arc::from);
    Ok(IntakeEntry {
        id: shown(1)?,
        type_name: shown(2)?,
        data: shown(3)?,
        priority: row.try_get(4)?,
        key: row.try_get::<_, Option<&str>>(5)?.map(Arc::from),
    })
}

/// Decides a change of the intake.
pub(crate) fn decide<'a>(
    working_set: &mut WorkingSet<'a>,
    change: &'a IntakeChange,
) -> Result<(), Refusal> {
    use IntakeState::{Gone, Rejected, Taken, Waiting};
    let (place, before, after) = match change {
        IntakeChange::Add(_) => {
            working_set.moves.push(Move::Intake(change));
            return Ok(());
        }
        IntakeChange::Take(place) => (*place, Waiting, Taken),
        IntakeChange::Reject { place, .. } => (*place, Waiting, Rejected),
        IntakeChange::Retry(place) | IntakeChange::Drop(place) => (*place, Rejected, Gone),
    };
    if working_set.intake.get(&place) != Some(&before) {
        let outcome = match before {
            Rejected => left_out::not_rejected(place),
            _ => left_out::not_in_intake(place),
        };
        return Err(Refusal::LeftOut(outcome));
    }
    working_set.intake.set(place, after);
    // Rows that are taken are deleted together.
    if after != Taken {
        working_set.moves.push(Move::Intake(change));
    }
    Ok(())
}

/// Carries out what is no plain taking.
pub(crate) async fn write(session: &Session, change: &IntakeChange) -> Result<(), Fault> {
    match change {
        IntakeChange::Add(entry) => {
            let IntakeEntry { id, type_name, data, priority, key } = &**entry;
            let (id, type_name, data, key) = (&**id, &**type_name, &**data, key.as_deref());
            let row: [Parameter<'_>; 5] = [&id, &type_name, &data, priority, &key];
            session.execute(include_str!("sql/add_to_intake.sql"), &row).await?;
        }
        IntakeChange::Reject { place, reason, time } => {
            let row: [Parameter<'_>; 3] = [&signed(*place), &Text(reason), &time.as_micros()];
            session.execute(include_str!("sql/reject_from_intake.sql"), &row).await?;
        }
        IntakeChange::Retry(place) => {
            let place: [Parameter<'_>; 1] = [&signed(*place)];
            session.execute(include_str!("sql/retry_reject.sql"), &place).await?;
        }
        IntakeChange::Drop(place) => {
            let place: [Parameter<'_>; 1] = [&signed(*place)];
            session.execute(include_str!("sql/drop_reject.sql"), &place).await?;
        }
        IntakeChange::Take(_) => {}
    }
    Ok(())
}
