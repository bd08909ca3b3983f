//! A relay without the product: reads a page of the log, sends it to a stream and
//! moves a cursor.

use std::time::{Duration, Instant};

use protean_cli::{Error, Result};
use redis::aio::MultiplexedConnection;
use redis::streams::StreamRangeReply;
use redis::{AsyncConnectionConfig, Client};

use super::postgres::{connect, home};
use crate::place::Place;

/// Messages per page, as many as ours.
const PAGE_SIZE: usize = 512;
const STREAM: &str = "bare";

const LAYOUT: &str = "CREATE TABLE IF NOT EXISTS bare_cursor (position bigint NOT NULL);
                      TRUNCATE bare_cursor; INSERT INTO bare_cursor VALUES (0)";
const READ: &str =
    "SELECT position, stream, stream_position, category, priority, kind, type, version, id,
            correlation_id, causation_id, time, data, extensions
       FROM messages WHERE category = $1 AND priority = 0 AND place > $2 ORDER BY place LIMIT $3";
const MOVE: &str = "UPDATE bare_cursor SET position = $1";

/// A connection to Redis without a response timeout.
pub(super) type Connection = MultiplexedConnection;

/// Connects to Redis.
///
/// # Errors
/// When Redis cannot be reached.
pub(super) async fn redis(uri: &str) -> Result<Connection> {
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    Ok(Client::open(uri)?.get_multiplexed_async_connection_with_config(&config).await?)
}

/// Reads the lengths of the streams of a place.
pub(crate) struct Streams(Connection);

impl Streams {
    /// Connects to the Redis of a place.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub(crate) async fn of(place: &Place) -> Result<Self> {
        Ok(Self(redis(&home(place)?.redis).await?))
    }

    /// The number of entries in a stream; `None` without such a stream.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn length(&mut self, stream: &str) -> Result<Option<u64>> {
        let mut query = redis::pipe();
        query.cmd("EXISTS").arg(stream).cmd("XLEN").arg(stream);
        let (exists, length): (bool, u64) = query.query_async(&mut self.0).await?;
        Ok(exists.then_some(length))
    }
}

/// The entries that ours published for a category, in order.
pub(crate) struct Streamed {
    category: String,
    entries: Vec<Vec<u8>>,
}

impl Streamed {
    /// Reads all entries of a category.
    ///
    /// # Errors
    /// When Redis does not answer, or an entry lacks its data.
    pub(crate) async fn read(place: &Place, category: &str) -> Result<Self> {
        let mut redis = redis(&home(place)?.redis).await?;
        let mut all = redis::cmd("XRANGE");
        all.arg(category).arg("-").arg("+");
        let all: StreamRangeReply = all.query_async(&mut redis).await?;
        let entries = all
            .ids
            .iter()
            .map(|entry| entry.get::<Vec<u8>>("data"))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Error::failed("an entry has no field 'data'"))?;
        Ok(Self { category: category.to_owned(), entries })
    }

    /// Reads the messages and sends the entries once more, page by page; returns how long
    /// that took.
    ///
    /// # Errors
    /// When a server does not answer.
    pub(crate) async fn send(&self, place: &Place) -> Result<Duration> {
        let home = home(place)?;
        let (client, mut redis) = (connect(&home.database.uri()).await?, redis(&home.redis).await?);
        client.batch_execute(LAYOUT).await?;
        let (read, go) = (client.prepare(READ).await?, client.prepare(MOVE).await?);
        let (mut sent, mut last, limit) = (0, 0_i64, i64::try_from(PAGE_SIZE)?);
        let begun = Instant::now();
        while sent < self.entries.len() {
            let page = client.query(&read, &[&self.category, &last, &limit]).await?;
            let Some(end) = page.last() else {
                return Err(Error::failed(
                    "the log has fewer messages than the stream has entries",
                ));
            };
            last = end.try_get(0)?;
            let mut add = redis::pipe();
            for entry in &self.entries[sent..sent + page.len()] {
                add.cmd("XADD").arg(STREAM).arg("*").arg("data").arg(entry).ignore();
            }
            add.exec_async(&mut redis).await?;
            client.execute(&go, &[&last]).await?;
            sent += page.len();
        }
        Ok(begun.elapsed())
    }
}
