//! A Redis stream with one group of one consumer.

use std::time::Duration;

use protean_cli::{Error, Result};
use redis::streams::StreamReadReply;

use crate::bare::relay::{self, Connection};

const GROUP: &str = "bare";

pub(super) struct Queue {
    connection: Connection,
    name: String,
}

/// What was read: the ids of the entries and their data.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) ids: Vec<String>,
    pub(super) data: Vec<String>,
}

impl Queue {
    /// Creates the stream unless it exists.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(super) async fn open(redis: &str, name: &str) -> Result<Self> {
        let mut connection = relay::redis(redis).await?;
        let mut create = redis::cmd("XGROUP");
        create.arg("CREATE").arg(name).arg(GROUP).arg("0").arg("MKSTREAM");
        match create.exec_async(&mut connection).await {
            Err(error) if error.code() != Some("BUSYGROUP") => Err(error.into()),
            _ => Ok(Self { connection, name: name.to_owned() }),
        }
    }

    /// # Errors
    /// When Redis does not answer.
    pub(super) async fn add(&mut self, entries: impl IntoIterator<Item = String>) -> Result<()> {
        let mut add = redis::pipe();
        for entry in entries {
            add.cmd("XADD").arg(&self.name).arg("*").arg("data").arg(entry).ignore();
        }
        Ok(add.exec_async(&mut self.connection).await?)
    }

    /// Reads at most `count` entries; waits for the first one if `wait` is given.
    ///
    /// # Errors
    /// When Redis does not answer, or an entry has no data.
    pub(super) async fn read(&mut self, count: usize, wait: Option<Duration>) -> Result<Entries> {
        let mut read = redis::cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg("one").arg("COUNT").arg(count);
        if let Some(wait) = wait {
            read.arg("BLOCK").arg(wait.as_millis().to_string());
        }
        read.arg("STREAMS").arg(&self.name).arg(">");
        let reply: Option<StreamReadReply> = read.query_async(&mut self.connection).await?;
        let mut entries = Entries::default();
        for entry in reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids) {
            let data = entry.get("data");
            entries.data.push(data.ok_or_else(|| Error::failed("an entry has no field 'data'"))?);
            entries.ids.push(entry.id);
        }
        Ok(entries)
    }

    /// Acknowledges and deletes what was read.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(super) async fn settle(&mut self, ids: &[String]) -> Result<()> {
        let mut settle = redis::pipe();
        settle.cmd("XACK").arg(&self.name).arg(GROUP).arg(ids).ignore();
        settle.cmd("XDEL").arg(&self.name).arg(ids).ignore();
        Ok(settle.exec_async(&mut self.connection).await?)
    }
}
