//! Rows that ours wrote to PostgreSQL, read back transaction by transaction and
//! written again with plain SQL.
//!
//! ```text
//! rows of every table, by transaction ─▶ BEGIN, one array per table, COMMIT
//! ```
//! A row that changed repeatedly, such as a cursor, is found only once, so each
//! transaction writes those rows again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use protean_cli::Result;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::postgres::{connect, home};
use super::table::{Cells, Table};
use crate::place::Place;

/// The number of a transaction.
type TransactionId = i64;

/// Remembers the current transaction, to find the rows written after it.
pub(crate) struct Tape {
    client: Client,
    since: TransactionId,
}

/// Rows that ours wrote.
pub(crate) struct Written {
    tables: Vec<Table>,
    transactions: Vec<Vec<Array>>,
    /// Rows that each transaction writes again.
    standing: Vec<Array>,
}

/// Rows of one table.
struct Array {
    table: usize,
    columns: Vec<Cells>,
}

impl Tape {
    /// Starts with the next commit.
    ///
    /// # Errors
    /// When the place is a file, or PostgreSQL does not answer.
    pub(crate) async fn from_now(place: &Place) -> Result<Self> {
        let client = connect(&home(place)?.database.uri()).await?;
        let since = now(&client).await?;
        Ok(Self { client, since })
    }

    /// The rows committed since the last call.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub(crate) async fn next(&mut self) -> Result<Written> {
        let tables = Table::all(&self.client).await?;
        let mut arrays = Vec::new();
        for (index, table) in tables.iter().enumerate() {
            arrays.push(by_transaction(&table.rows(&self.client, self.since).await?, table, index));
        }
        self.since = now(&self.client).await?;
        let most = arrays.iter().map(BTreeMap::len).max().unwrap_or(0);
        let (mut transactions, mut standing) = (BTreeMap::<_, Vec<_>>::new(), Vec::new());
        for of_table in arrays {
            // Half, because some transactions write nothing to this table.
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

async fn now(client: &Client) -> Result<TransactionId> {
    let sql = "SELECT pg_current_xact_id()::text::bigint";
    Ok(client.query_one(sql, &[]).await?.try_get(0)?)
}

fn by_transaction(
    rows: &[tokio_postgres::Row],
    table: &Table,
    index: usize,
) -> BTreeMap<TransactionId, Array> {
    let mut arrays = BTreeMap::new();
    for row in rows {
        let array: &mut Array = arrays
            .entry(row.get(0))
            .or_insert_with(|| Array { table: index, columns: table.columns().collect() });
        array.columns.iter_mut().enumerate().for_each(|(at, cells)| cells.push(row, at + 1));
    }
    arrays
}

impl Written {
    pub(crate) fn transactions(&self) -> usize {
        self.transactions.len()
    }

    /// Writes the rows to another place, one transaction after the other, each sent
    /// in one go; returns how long that took.
    ///
    /// # Errors
    /// When the place is a file, or PostgreSQL refuses the rows.
    pub(crate) async fn write(&self, place: &Place) -> Result<Duration> {
        let client = connect(&home(place)?.database.uri()).await?;
        let mut inserts = Vec::new();
        for table in &self.tables {
            inserts.push(client.prepare(&table.insert()).await?);
        }
        let begun = Instant::now();
        for transaction in &self.transactions {
            let writes = transaction
                .iter()
                .chain(&self.standing)
                .map(|array| array.write(&client, &inserts));
            let (begin, written, commit) = tokio::join!(
                client.batch_execute("BEGIN"),
                try_join_all(writes),
                client.batch_execute("COMMIT")
            );
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
