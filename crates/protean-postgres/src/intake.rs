//! The table into which plain programs insert commands.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::Timestamp;
use protean_port::port::{
    BoxFuture, IntakeEntry, IntakeRead, IntakeReject, IntakeRow, IntakeTable,
};
use protean_sql::{limit, signed};
use tokio_postgres::Row;

use crate::connection::Parameter;
use crate::error::Fault;
use crate::store::PostgresStore;
use crate::value::{number, text};

impl IntakeTable for PostgresStore {
    fn intake_rows(&self, read: IntakeRead) -> BoxFuture<'_, Result<Vec<IntakeRow>>> {
        Box::pin(async move {
            let (lowest, highest) = read.range();
            let (names, is_read) = read.domains.names();
            let parameters: [Parameter<'_>; 7] = [
                &lowest,
                &highest,
                &names,
                &is_read,
                &signed(read.after),
                &limit(read.limit),
                &limit(IntakeRead::MAX_BYTES),
            ];
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
    Ok(IntakeRow { place, entry: entry(row, 7)?, is_logged, is_garbled: false })
}

fn reject(row: &Row) -> Result<IntakeReject, Fault> {
    Ok(IntakeReject {
        place: number(row, 0)?,
        entry: entry(row, 8)?,
        reason: text(row, 6)?.into_owned(),
        time: Timestamp::from_micros(row.try_get(7)?),
    })
}

/// What was inserted, its metadata in this column. Another program has written it, so nothing in it
/// is escaped.
fn entry(row: &Row, metadata: usize) -> Result<IntakeEntry, Fault> {
    let shown = |column: usize| row.try_get::<_, &str>(column).map(Arc::from);
    Ok(IntakeEntry {
        id: shown(1)?,
        type_name: shown(2)?,
        data: shown(3)?,
        priority: row.try_get(4)?,
        key: row.try_get::<_, Option<&str>>(5)?.map(Arc::from),
        metadata: row.try_get::<_, Option<&str>>(metadata)?.map(Arc::from),
    })
}
