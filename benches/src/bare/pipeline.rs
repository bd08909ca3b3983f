//! The whole pipeline without the product: one process writes the commands,
//! another writes all that came of them, both the very rows that ours have left
//! in a finished database, into the same tables and indexes.
//!
//! Nothing is decided, parsed or counted; what a batch shares, such as cursors
//! and counters, is written once a batch.

use std::path::Path;
use std::time::{Duration, Instant};

use protean_cli::{Error, Result};
use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::connection::begin_patiently;
use super::open;
use super::rows::{Rows, tables};

/// How many messages a transaction takes, as ours does when commands are sent in bulk.
const BATCH: usize = 1000;
/// How long the reader rests when nothing is there.
const NAP: Duration = Duration::from_micros(200);

const COMMANDS: &str = "kind = 'COMMAND'";
const READ: &str = "SELECT position, data FROM messages
                     WHERE category = ?1 AND priority = ?2 AND position > ?3
                     ORDER BY position LIMIT ?4";

/// Writes the commands of a finished database into a prepared one; tells when it began.
///
/// # Errors
/// When one of the two cannot be used.
pub(crate) fn produce(source: &Path, database: &Path, synchronous: &str) -> Result<Instant> {
    let commands = Rows::read(&Connection::open(source)?, "messages", COMMANDS)?;
    let mut connection = open(database, synchronous)?;
    let begun = Instant::now();
    for first in (0..commands.rows.len()).step_by(BATCH) {
        let batch = first..(first + BATCH).min(commands.rows.len());
        let transaction = begin_patiently(&mut connection)?;
        commands.write(&transaction, batch)?;
        transaction.commit()?;
    }
    Ok(begun)
}

/// The process that writes what came of the commands; says `ready` and `done`.
pub(super) fn consume(source: &Path, database: &Path, synchronous: &str) -> Result<()> {
    let effects = Effects::read(&Connection::open(source)?)?;
    let mut connection = open(database, synchronous)?;
    eprintln!("bare: ready ");
    let (mut done, mut after) = (0, 0);
    while done < effects.commands {
        let (read, last) = effects.lane.read(&connection, after)?;
        if read == 0 {
            std::thread::sleep(NAP);
            continue;
        }
        let transaction = begin_patiently(&mut connection)?;
        effects.write(&transaction, (done, done + read))?;
        transaction.commit()?;
        (done, after) = (done + read, last);
    }
    eprintln!("bare: done ");
    Ok(())
}

/// What came of the commands.
struct Effects {
    commands: usize,
    lane: Lane,
    /// Rows of which each command has its share.
    shared: Vec<Rows>,
    /// Rows that every batch writes anew.
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

    /// What came of the commands from one to before another.
    fn write(&self, connection: &Connection, (from, to): (usize, usize)) -> Result<()> {
        for rows in &self.shared {
            let share = |at: usize| rows.rows.len() * at / self.commands;
            rows.write(connection, share(from)..share(to))?;
        }
        self.standing.iter().try_for_each(|rows| rows.write_all(connection))
    }
}

/// Where the commands are found.
struct Lane {
    category: Value,
    priority: Value,
}

impl Lane {
    fn of(commands: &Rows) -> Result<Self> {
        let value = |name| Some(commands.rows.first()?.get(commands.column(name)?)?.clone());
        let found = value("category").zip(value("priority"));
        let (category, priority) = found.ok_or_else(|| Error::failed("there are no commands"))?;
        Ok(Self { category, priority })
    }

    /// How many commands a batch after this place has, and where it ends.
    fn read(&self, connection: &Connection, after: i64) -> Result<(usize, i64)> {
        let mut statement = connection.prepare_cached(READ)?;
        let batch = i64::try_from(BATCH)?;
        let mut rows = statement.query(params![self.category, self.priority, after, batch])?;
        let (mut count, mut last) = (0, after);
        while let Some(row) = rows.next()? {
            let _data: String = row.get(1)?;
            (count, last) = (count + 1, row.get(0)?);
        }
        Ok((count, last))
    }
}
