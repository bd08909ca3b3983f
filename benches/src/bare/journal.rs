//! One account without the product: its rows, events and balance.

use std::path::Path;

use fidelis::account::{AccountOpened, DepositMade};
use protean::model::Event;
use protean::{Decimal, Id};
use protean_cli::{Error, Result};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::connection::begin_patiently;
use super::open;
use super::rows::Rows;

const READ: &str = "SELECT type, data FROM messages WHERE stream = ?1 ORDER BY stream_position";
const NEWEST_OF_KIND: &str = "position = (SELECT max(position) FROM messages WHERE kind = ";

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
