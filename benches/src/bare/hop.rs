//! The hops of one message: written and committed here, noticed and read there.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use inotify::{Inotify, WatchMask};
use protean_cli::{Error, Result};
use rusqlite::{Connection, params};

use super::open;
use crate::child::Child;
use crate::clock;
use crate::latency::Latencies;
use crate::place::Place;

/// What is written: about as much as a small command.
pub(super) const PAYLOAD: &str = "{\"account_id\":\"019aa1f2-7d5c-7b60-8c3e-0a1b2c3d4e5f\",\"amount\":1,\
                       \"reference\":\"0\"}, correlation 019aa1f2-7d5c-7b60-8c3e-0a1b2c3d4e5f";
/// The pause between two messages, so that everything rests.
pub(crate) const REST: Duration = Duration::from_millis(5);
/// How long to wait before another look.
const LOOK: Duration = Duration::from_micros(25);

const LAYOUT: &str =
    "CREATE TABLE IF NOT EXISTS hop (position INTEGER PRIMARY KEY, data TEXT NOT NULL)";
const WRITE: &str = "INSERT INTO hop (position, data) VALUES (?1, ?2)";
const READ: &str = "SELECT position, data FROM hop WHERE position > ?1 ORDER BY position LIMIT 1";

/// In microseconds, of each message.
#[derive(Default)]
pub(crate) struct Hops {
    /// From before it was sent until it was begun.
    pub(crate) from_sending: Latencies,
    /// From when sending had returned until it was begun; negative when that came first.
    pub(crate) from_return: Latencies,
}

impl Hops {
    pub(crate) fn add(&mut self, sent: i64, returned: i64, begun: i64) {
        self.from_sending.add((begun - sent) as f64);
        self.from_return.add((begun - returned) as f64);
    }
}

/// Another process reads, which the `-wal` file wakes.
///
/// # Errors
/// When the database or the process cannot be used.
pub(crate) async fn between_processes(
    place: &Place,
    (synchronous, count): (&str, u64),
) -> Result<Hops> {
    let database = place.file("hops.db");
    let connection = laid_out(&database, synchronous)?;
    let mut reader = place.child(&["bare-wait", &database.to_string_lossy()])?;
    reader.line("waiting").await?;
    let mut hops = Hops::default();
    for position in 2..count + 2 {
        tokio::time::sleep(REST).await;
        let (sent, returned) = write(&connection, position)?;
        hops.add(sent, returned, told_by(&mut reader).await?);
    }
    Ok(hops)
}

/// When another process has read the next message.
///
/// # Errors
/// When it does not tell.
pub(super) async fn told_by(reader: &mut Child) -> Result<i64> {
    let (_, line) = reader.line("read ").await?;
    let begun = line.split(' ').nth(1).and_then(|micros| micros.parse().ok());
    begun.ok_or_else(|| Error::failed(format!("'{line}' tells no time")))
}

/// Another thread reads, which the writer wakes.
///
/// # Errors
/// When the database cannot be used.
pub(crate) fn between_threads(place: &Place, (synchronous, count): (&str, u64)) -> Result<Hops> {
    let database = place.file("threads.db");
    let connection = laid_out(&database, synchronous)?;
    let reading = open(&database, synchronous)?;
    let (wake, woken) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for position in woken {
            let read = read_after(&reading, position - 1);
            if tell.send(read.map(|_| clock::now())).is_err() {
                break;
            }
        }
    });
    let mut hops = Hops::default();
    for position in 2..count + 2 {
        std::thread::sleep(REST);
        let (sent, returned) = write(&connection, position)?;
        wake.send(position)?;
        hops.add(sent, returned, told.recv()??);
    }
    drop(wake);
    reader.join().map_err(|_| Error::failed("the thread that reads has ended badly"))?;
    Ok(hops)
}

/// The process that reads: a line `read <micros>` for each row.
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
            // The file is written before the commit can be seen.
            std::thread::sleep(LOOK);
        }
        eprintln!("read {}", clock::now());
        last += 1;
        // What the same commit has written before it could be seen is no news.
        while inotify.read_events(&mut buffer).is_ok_and(|mut events| events.next().is_some()) {}
    }
}

fn laid_out(database: &Path, synchronous: &str) -> Result<Connection> {
    let connection = open(database, synchronous)?;
    connection.execute(LAYOUT, [])?;
    connection.execute(WRITE, params![1, PAYLOAD])?;
    Ok(connection)
}

/// When it was sent and when sending returned.
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
