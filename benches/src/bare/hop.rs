//! The hops of one message: committed by a writer, noticed and read by a reader.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use inotify::{Inotify, WatchMask};
use protean_cli::{Error, Result};
use rusqlite::{Connection, params};
use workbench::child::Child;

use super::open;
use crate::clock;
use crate::intervals::Intervals;
use crate::place::Place;

/// About as much data as a small command.
pub(super) const PAYLOAD: &str = "{\"account_id\":\"019aa1f2-7d5c-7b60-8c3e-0a1b2c3d4e5f\",\"amount\":1,\
                       \"reference\":\"0\"}, correlation 019aa1f2-7d5c-7b60-8c3e-0a1b2c3d4e5f";
/// The pause between two messages, so that everything is idle.
pub(crate) const MESSAGE_PAUSE: Duration = Duration::from_millis(5);
/// The wait between two reads.
const POLL_INTERVAL: Duration = Duration::from_micros(25);

const LAYOUT: &str =
    "CREATE TABLE IF NOT EXISTS hop (position INTEGER PRIMARY KEY, data TEXT NOT NULL)";
const WRITE: &str = "INSERT INTO hop (position, data) VALUES (?1, ?2)";
const READ: &str = "SELECT position, data FROM hop WHERE position > ?1 ORDER BY position LIMIT 1";

/// How long each message was on its way.
#[derive(Default)]
pub(crate) struct Hops {
    /// From before the send until the handler begins.
    pub(crate) from_sending: Intervals,
    /// From the return of the send until the handler begins; negative when it began earlier.
    pub(crate) from_return: Intervals,
}

impl Hops {
    pub(crate) fn add(&mut self, sent: i64, returned: i64, begun: i64) {
        self.from_sending.add(begun - sent);
        self.from_return.add(begun - returned);
    }
}

/// Measures the hops to a reader in another process, which the `-wal` file wakes.
///
/// # Errors
/// When the database or the process cannot be used.
pub(crate) async fn between_processes(
    place: &Place,
    synchronous: &str,
    count: u64,
) -> Result<Hops> {
    let database = place.file("hops.db");
    let connection = prepare(&database, synchronous)?;
    let mut reader = place.child(&["bare-wait", &database.to_string_lossy()])?;
    reader.line("waiting").await?;
    let mut hops = Hops::default();
    for position in 2..count + 2 {
        tokio::time::sleep(MESSAGE_PAUSE).await;
        let (sent, returned) = write(&connection, position)?;
        hops.add(sent, returned, read_time(&mut reader).await?);
    }
    Ok(hops)
}

/// When the reading process read the next message, in microseconds.
///
/// # Errors
/// When the process ends, or prints something else.
pub(super) async fn read_time(reader: &mut Child) -> Result<i64> {
    let (_, line) = reader.line("read ").await?;
    line.split(' ')
        .nth(1)
        .and_then(|micros| micros.parse().ok())
        .ok_or_else(|| Error::failed(format!("expected 'read <micros>', not '{line}'")))
}

/// Measures the hops to a reader in another thread, which the writer wakes.
///
/// # Errors
/// When the database cannot be used.
pub(crate) fn between_threads(place: &Place, synchronous: &str, count: u64) -> Result<Hops> {
    let database = place.file("threads.db");
    let connection = prepare(&database, synchronous)?;
    let reading = open(&database, synchronous)?;
    let (wake, woken) = mpsc::channel();
    let (sender, times) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for position in woken {
            let read = read_after(&reading, position - 1);
            if sender.send(read.map(|_| clock::now())).is_err() {
                break;
            }
        }
    });
    let mut hops = Hops::default();
    for position in 2..count + 2 {
        std::thread::sleep(MESSAGE_PAUSE);
        let (sent, returned) = write(&connection, position)?;
        wake.send(position)?;
        hops.add(sent, returned, times.recv()??);
    }
    drop(wake);
    reader.join().map_err(|_| Error::failed("the reading thread panicked"))?;
    Ok(hops)
}

/// The reading process: prints `read <micros>` for each row.
pub(super) fn wait(database: &Path) -> Result<()> {
    let connection = open(database, "full")?;
    let mut inotify = Inotify::init()?;
    let wal = format!("{}-wal", database.display());
    inotify.watches().add(wal, WatchMask::MODIFY)?;
    let mut last = read_after(&connection, 0)?.unwrap_or(0);
    let mut buffer = [0; 4096];
    eprintln!("waiting");
    loop {
        inotify.read_events_blocking(&mut buffer)?;
        while read_after(&connection, last)?.is_none() {
            // The file changes before the commit is visible.
            std::thread::sleep(POLL_INTERVAL);
        }
        eprintln!("read {}", clock::now());
        last += 1;
        // Drop further events of the same commit.
        while inotify.read_events(&mut buffer).is_ok_and(|mut events| events.next().is_some()) {}
    }
}

fn prepare(database: &Path, synchronous: &str) -> Result<Connection> {
    let connection = open(database, synchronous)?;
    connection.execute(LAYOUT, [])?;
    connection.execute(WRITE, params![1, PAYLOAD])?;
    Ok(connection)
}

/// Times before and after the write.
fn write(connection: &Connection, position: u64) -> Result<(i64, i64)> {
    let sent = clock::now();
    let position = i64::try_from(position)?;
    connection.prepare_cached(WRITE)?.execute(params![position, PAYLOAD])?;
    Ok((sent, clock::now()))
}

fn read_after(connection: &Connection, position: u64) -> Result<Option<u64>> {
    let mut statement = connection.prepare_cached(READ)?;
    let mut rows = statement.query([i64::try_from(position)?])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (position, _): (i64, String) = (row.get(0)?, row.get(1)?);
    Ok(Some(u64::try_from(position)?))
}
