//! One group that listens.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protean_core::port::{BrokerRead, Entry};
use protean_core::{Error, Result};
use tokio::sync::Notify;

use super::line::{Line, cut};
use super::shelf::Shelf;
use crate::server::Server;

/// Hears from its first read on. What it has heard outlives its connection.
#[derive(Default)]
pub(super) struct Ear {
    line: tokio::sync::Mutex<Option<Line>>,
    heard: Arc<Heard>,
}

/// What came in.
#[derive(Default)]
pub(super) struct Heard {
    shelf: Mutex<Shelf>,
    pub(super) came: Notify,
}

impl Heard {
    pub(super) fn put(&self, entry: Entry) {
        self.shelf().hear(entry);
        self.came.notify_one();
    }

    pub(super) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is there.
    ///
    /// # Errors
    /// Once, when some found no place.
    fn next(&self, limit: usize) -> Result<Vec<Entry>> {
        let mut shelf = self.shelf();
        match shelf.take_missed() {
            0 => Ok(shelf.next(limit)),
            missed => Err(Error::unavailable(format!(
                "{missed} messages were published faster than they were handled and are lost, as \
                 redis_pubsub keeps nothing; publish less at once, or use streams"
            ))),
        }
    }
}

impl Ear {
    pub(super) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.heard.shelf()
    }

    /// Listens to these channels from now on, and answers whether it did not before.
    pub(super) async fn listen(&self, server: &Arc<Server>, to: &[Arc<str>]) -> Result<bool> {
        let mut line = self.line.lock().await;
        let listening = self.listening(&mut line, server, to).await;
        if listening.is_err() {
            *line = None;
        }
        listening
    }

    /// Reads; see [`Consumer::read`](protean_core::port::Consumer::read).
    pub(super) async fn read(&self, server: &Arc<Server>, read: &BrokerRead) -> Result<Vec<Entry>> {
        let until = read.wait.map(|wait| Instant::now() + wait);
        let mut line = self.line.lock().await;
        let result = self.read_on(&mut line, server, (read, until)).await;
        // What was missed says nothing about the connection.
        if line.as_ref().is_some_and(Line::is_cut) {
            *line = None;
        }
        result
    }

    async fn read_on(
        &self,
        line: &mut Option<Line>,
        server: &Arc<Server>,
        (read, until): (&BrokerRead, Option<Instant>),
    ) -> Result<Vec<Entry>> {
        loop {
            let entries = self.heard.next(read.limit)?;
            if !entries.is_empty() {
                return Ok(entries);
            }
            if line.as_ref().is_some_and(Line::is_cut) {
                return Err(cut(&server.place));
            }
            if let Err(failed) = self.listening(line, server, &read.streams).await {
                *line = None;
                return Err(failed);
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let Some(left) = left.filter(|left| *left > Duration::ZERO) else {
                return Ok(Vec::new());
            };
            // Cut short, so that a connection that is dead is noticed however long the wait.
            let came = tokio::time::timeout(left.min(server.patience), self.heard.came.notified());
            if came.await.is_err()
                && let Some(open) = line
                && let Err(failed) = open.probe(server).await
            {
                *line = None;
                return Err(failed);
            }
        }
    }

    async fn listening(
        &self,
        line: &mut Option<Line>,
        server: &Arc<Server>,
        to: &[Arc<str>],
    ) -> Result<bool> {
        let open = match line {
            Some(open) => open,
            None => line.insert(Line::connect(server, &self.heard).await?),
        };
        open.listen(server, to).await
    }
}
