//! What ours has written into PostgreSQL, read back transaction by transaction and
//! written again without it.
//!
//! ```text
//! rows of every table, by the transaction that left them ─▶ BEGIN, an array a table, COMMIT
//! ```
//! A row that was changed time after time, such as a cursor, is there once: each
//! transaction writes those anew.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use protean_cli::Result;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::postgres::{connect, home};
use super::table::{Cells, Table};
use crate::place::Place;

/// A transaction by its number.
type Number = i64;

/// Notes where ours is, so that what it writes can be told from what was there.
pub(crate) struct Tape {
    client: Client,
    since: Number,
}

/// What ours has written.
pub(crate) struct Written {
    tables: Vec<Table>,
    transactions: Vec<Vec<Array>>,
    /// What each transaction writes anew.
    standing: Vec<Array>,
}

/// Rows of one table.
struct Array {
    table: usize,
    columns: Vec<Cells>,
}

impl Tape {
    /// From what is committed next on.
    ///
    /// # Errors
    /// When the place is in no PostgreSQL that answers.
    pub(crate) async fn from_now(place: &Place) -> Result<Self> {
        let client = connect(&home(place)?.database.uri()).await?;
        let since = now(&client).await?;
        Ok(Self { client, since })
    }

    /// What was committed since it was asked before.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub(crate) async fn next(&mut self) -> Result<Written> {
        let tables = Table::all(&self.client).await?;
        let mut arrays = Vec::new();
        for (table, of) in tables.iter().enumerate() {
            arrays.push(by_transaction(&of.rows(&self.client, self.since).await?, (table, of)));
        }
        self.since = now(&self.client).await?;
        let most = arrays.iter().map(BTreeMap::len).max().unwrap_or(0);
        let (mut transactions, mut standing) = (BTreeMap::<_, Vec<_>>::new(), Vec::new());
        for of_table in arrays {
            // Half of it allows for transactions that had nothing for this table.
            if of_table.len() * 2 >= most {
                of_table.into_iter().for_each(|(number, array)| {
                    transactions.entry(number).or_default().push(array);
                });
            } else {
                standing.extend(of_table.into_values());
            }
        }
        Ok(Written { tables, transactions: transactions.into_values().collect(), standing })
    }
}

async fn now(client: &Client) -> Result<Number> {
    let sql = "SELECT pg_current_xact_id()::text::bigint";
    Ok(client.query_one(sql, &[]).await?.try_get(0)?)
}

fn by_transaction(
    rows: &[tokio_postgres::Row],
    (table, of): (usize, &Table),
) -> BTreeMap<Number, Array> {
    let mut arrays = BTreeMap::new();
    for row in rows {
        let array: &mut Array = arrays
            .entry(row.get(0))
            .or_insert_with(|| Array { table, columns: of.columns().collect() });
        array.columns.iter_mut().enumerate().for_each(|(at, cells)| cells.push(row, at + 1));
    }
    arrays
}

impl Written {
    pub(crate) fn transactions(&self) -> usize {
        self.transactions.len()
    }

    /// Writes it into another place, one transaction after the other, each sent at
    /// once; tells how long that took.
    ///
    /// # Errors
    /// When the place is in no PostgreSQL that takes it.
    pub(crate) async fn write(&self, place: &Place) -> Result<Duration> {
        let client = connect(&home(place)?.database.uri()).await?;
        let mut inserts = Vec::new();
        for table in &self.tables {
            inserts.push(client.prepare(&table.insert()).await?);
        }
        let begun = Instant::now();
        for transaction in &self.transactions {
            let arrays = transaction.iter().chain(&self.standing);
            let arrays = try_join_all(arrays.map(|array| array.write(&client, &inserts)));
            let (begin, written, commit) =
                tokio::join!(client.batch_execute("BEGIN"), arrays, client.batch_execute("COMMIT"));
            begin?;
            written?;
            commit?;
        }
        Ok(begun.elapsed())
    }
}

impl Array {
    async fn write(&self, client: &Client, inserts: &[Statement]) -> Result<()> {
        let columns: Vec<&(dyn ToSql + Sync)> = self.columns.iter().map(Cells::as_array).collect();
        client.execute(&inserts[self.table], &columns).await?;
        Ok(())
    }
}
