//! One account without the product: its rows, its events, its balance.

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
const LAST: &str = "position = (SELECT max(position) FROM messages WHERE kind = ";

/// How long ours writes bulk work before it commits.
const SLICE: Duration = Duration::from_millis(2);
const COMMITS: usize = 100;

/// The events of one account, in a database that nobody else uses.
pub(crate) struct Journal {
    connection: Connection,
    stream: String,
    /// The last command and the last event.
    last: [Rows; 2],
}

impl Journal {
    /// # Errors
    /// When there is no such account, or no command was ever sent to it.
    pub(crate) fn open(database: &Path, account: &Id) -> Result<Self> {
        let connection = open(database, "full")?;
        let last = |kind| Rows::read(&connection, "messages", &format!("{LAST}'{kind}')"));
        let last = [last("COMMAND")?, last("EVENT")?];
        let stream = format!("fidelis::account-{account}");
        Ok(Self { connection, stream, last })
    }

    /// The balance, from every event.
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
                _ => return Err(Error::failed(format!("{name} is no event of an account"))),
            }
        }
        Ok(balance)
    }

    /// Loads and writes one more command and one more event.
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

/// How long a transaction of bulk work takes that is cut at two milliseconds,
/// in milliseconds: what production may have to wait for.
///
/// # Errors
/// When the database cannot be written.
pub(crate) fn bounded_commit(database: &Path) -> Result<Latencies> {
    let mut connection = open(database, "full")?;
    // Ours copies the `-wal` file in a thread of its own.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.execute("CREATE TABLE bulk (position INTEGER PRIMARY KEY, data TEXT)", [])?;
    let mut latencies = Latencies::default();
    for _ in 0..COMMITS {
        let begun = Instant::now();
        let transaction = begin_patiently(&mut connection)?;
        while begun.elapsed() < SLICE {
            let insert = "INSERT INTO bulk (data) VALUES (?1)";
            transaction.prepare_cached(insert)?.execute(params!["0".repeat(400)])?;
        }
        transaction.commit()?;
        latencies.add(begun.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(latencies)
}
