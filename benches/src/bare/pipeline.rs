//! The whole pipeline without the product: one process writes the commands,
//! another their effects. Both write exactly the rows that ours left in a finished
//! database, into the same tables and indexes.
//!
//! Nothing is decided, parsed or counted; rows shared by a batch, such as cursors
//! and counters, are written once per batch.

use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use protean_cli::{Error, Result};
use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::connection::begin_patiently;
use super::open;
use super::rows::{Rows, tables};

/// Messages per transaction, as many as ours for bulk commands.
const BATCH_SIZE: usize = 1000;
/// The wait between two reads of an empty lane.
const POLL_INTERVAL: Duration = Duration::from_micros(200);

const COMMANDS: &str = "kind = 'COMMAND'";
const READ: &str = "SELECT position, data FROM messages
                     WHERE category = ?1 AND priority = ?2 AND position > ?3
                     ORDER BY position LIMIT ?4";

/// Writes the commands of a finished database into a prepared one; returns when it began.
///
/// # Errors
/// When either database cannot be used.
pub(crate) fn produce(source: &Path, database: &Path, synchronous: &str) -> Result<Instant> {
    let commands = Rows::read(&Connection::open(source)?, "messages", COMMANDS)?;
    let mut connection = open(database, synchronous)?;
    let begun = Instant::now();
    for first in (0..commands.rows.len()).step_by(BATCH_SIZE) {
        let batch = first..(first + BATCH_SIZE).min(commands.rows.len());
        let transaction = begin_patiently(&mut connection)?;
        commands.write(&transaction, batch)?;
        transaction.commit()?;
    }
    Ok(begun)
}

/// The process that writes the effects of the commands; prints `ready` and `done`.
pub(super) fn consume(source: &Path, database: &Path, synchronous: &str) -> Result<()> {
    let effects = Effects::read(&Connection::open(source)?)?;
    let mut connection = open(database, synchronous)?;
    eprintln!("bare: ready ");
    let (mut done, mut after) = (0, 0);
    while done < effects.commands {
        let (read, last) = effects.lane.read(&connection, after)?;
        if read == 0 {
            std::thread::sleep(POLL_INTERVAL);
            continue;
        }
        let transaction = begin_patiently(&mut connection)?;
        effects.write(&transaction, done..done + read)?;
        transaction.commit()?;
        (done, after) = (done + read, last);
    }
    eprintln!("bare: done ");
    Ok(())
}

/// The rows that handling the commands left.
struct Effects {
    commands: usize,
    lane: Lane,
    /// Rows divided evenly among the commands.
    shared: Vec<Rows>,
    /// Rows that each batch writes again.
    standing: Vec<Rows>,
}

impl Effects {
    fn read(source: &Connection) -> Result<Self> {
        let commands = Rows::read(source, "messages", COMMANDS)?;
        let lane = Lane::of(&commands)?;
        let (commands, events) = (commands.rows.len(), format!("NOT ({COMMANDS})"));
        let mut effects = Self { commands, lane, shared: Vec::new(), standing: Vec::new() };
        for table in tables(source)? {
            let condition = if table == "messages" { &events } else { "true" };
            let rows = Rows::read(source, &table, condition)?;
            let one_each = rows.rows.len() >= commands;
            if one_each { &mut effects.shared } else { &mut effects.standing }.push(rows);
        }
        Ok(effects)
    }

    /// Writes the effects of some of the commands.
    fn write(&self, connection: &Connection, some: Range<usize>) -> Result<()> {
        for rows in &self.shared {
            let share = |at: usize| rows.rows.len() * at / self.commands;
            rows.write(connection, share(some.start)..share(some.end))?;
        }
        self.standing.iter().try_for_each(|rows| rows.write_all(connection))
    }
}

/// The category and priority of the commands.
struct Lane {
    category: Value,
    priority: Value,
}

impl Lane {
    fn of(commands: &Rows) -> Result<Self> {
        let value = |name| Some(commands.rows.first()?.get(commands.column(name)?)?.clone());
        let found = value("category").zip(value("priority"));
        let (category, priority) =
            found.ok_or_else(|| Error::failed("the finished database has no commands"))?;
        Ok(Self { category, priority })
    }

    /// Reads the next batch; returns its size and its last position.
    fn read(&self, connection: &Connection, after: i64) -> Result<(usize, i64)> {
        let mut statement = connection.prepare_cached(READ)?;
        let batch = i64::try_from(BATCH_SIZE)?;
        let mut rows = statement.query(params![self.category, self.priority, after, batch])?;
        let (mut count, mut last) = (0, after);
        while let Some(row) = rows.next()? {
            let _data: String = row.get(1)?;
            (count, last) = (count + 1, row.get(0)?);
        }
        Ok((count, last))
    }
}
