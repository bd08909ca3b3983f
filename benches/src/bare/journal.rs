//! One account without the product: its rows, events and balance.

use std::path::Path;
use std::time::{Duration, Instant};

use fidelis::account::{AccountOpened, DepositMade};
use protean::model::Event;
use protean::{Decimal, Id};
use protean_cli::{Error, Result};
use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::connection::begin_patiently;
use super::open;
use super::rows::Rows;
use crate::latency::Latencies;

const READ: &str = "SELECT type, data FROM messages WHERE stream = ?1 ORDER BY stream_position";
const NEWEST_OF_KIND: &str = "position = (SELECT max(position) FROM messages WHERE kind = ";

/// How long ours writes bulk work before each commit.
const BULK_COMMIT_TIME: Duration = Duration::from_millis(2);
const COMMIT_COUNT: usize = 100;

/// The events of one account, in a database without other users.
pub(crate) struct Journal {
    connection: Connection,
    stream: String,
    /// The last command and the last event.
    last: [Rows; 2],
}

impl Journal {
    /// Opens the journal of an account.
    ///
    /// # Errors
    /// When the database cannot be opened, or has no tables.
    pub(crate) fn open(database: &Path, account: &Id) -> Result<Self> {
        let connection = open(database, "full")?;
        let last =
            |kind| Rows::read(&connection, "messages", &format!("{NEWEST_OF_KIND}'{kind}')"));
        let last = [last("COMMAND")?, last("EVENT")?];
        let stream = format!("fidelis::account-{account}");
        Ok(Self { connection, stream, last })
    }

    /// Computes the balance from all events.
    ///
    /// # Errors
    /// When an event cannot be read.
    pub(crate) fn load(&self) -> Result<Decimal> {
        let mut statement = self.connection.prepare_cached(READ)?;
        let mut rows = statement.query([&self.stream])?;
        let mut balance = Decimal::from(0);
        while let Some(row) = rows.next()? {
            let (name, data) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
            match name.split('.').nth(1) {
                Some(DepositMade::NAME) => {
                    balance += serde_json::from_str::<DepositMade>(data)?.amount;
                }
                Some(AccountOpened::NAME) => {
                    balance = serde_json::from_str::<AccountOpened>(data)?.opening_deposit;
                }
                _ => return Err(Error::failed(format!("{name} is not an event of an account"))),
            }
        }
        Ok(balance)
    }

    /// Loads the account, then writes one more command and event.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub(crate) fn append(&mut self) -> Result<Decimal> {
        let balance = self.load()?;
        let transaction = begin_patiently(&mut self.connection)?;
        for rows in &mut self.last {
            let place = rows.column("stream_position").unwrap_or(0);
            for row in &mut rows.rows {
                if let Some(Value::Integer(position)) = row.get_mut(place) {
                    *position += 1;
                }
            }
            rows.write_all(&transaction)?;
        }
        transaction.commit()?;
        Ok(balance)
    }
}

/// Durations in milliseconds of bulk transactions that commit after two
/// milliseconds: the longest that production work may have to wait.
///
/// # Errors
/// When the database cannot be written.
pub(crate) fn bounded_commit(database: &Path) -> Result<Latencies> {
    let mut connection = open(database, "full")?;
    // Ours runs checkpoints in a separate thread.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.execute("CREATE TABLE bulk (position INTEGER PRIMARY KEY, data TEXT)", [])?;
    let mut latencies = Latencies::default();
    for _ in 0..COMMIT_COUNT {
        let begun = Instant::now();
        let transaction = begin_patiently(&mut connection)?;
        while begun.elapsed() < BULK_COMMIT_TIME {
            let insert = "INSERT INTO bulk (data) VALUES (?1)";
            transaction.prepare_cached(insert)?.execute(params!["0".repeat(400)])?;
        }
        transaction.commit()?;
        latencies.add(begun.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(latencies)
}
