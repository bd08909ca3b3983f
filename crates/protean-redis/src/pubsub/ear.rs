//! One group that listens.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protean_port::Result;
use protean_port::port::{BrokerRead, Entry};
use tokio::sync::Notify;
use tracing::warn;

use super::line::Line;
use super::shelf::Shelf;
use crate::server::Server;

/// How often it is told at most that something is lost.
const TELL: Duration = Duration::from_secs(10);

/// Hears from its first read on. What it has heard outlives its connection.
#[derive(Default)]
pub(super) struct Ear {
    state: tokio::sync::Mutex<State>,
    heard: Arc<Heard>,
}

#[derive(Default)]
struct State {
    line: Option<Line>,
    /// How many were lost when it was told last, and when that was.
    told: (u64, Option<Instant>),
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
}

impl Ear {
    pub(super) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.heard.shelf()
    }

    /// Hears nothing any more, and gives what is not settled.
    pub(super) fn close(&self) -> Vec<Entry> {
        // Nobody reads at an end that is left.
        if let Ok(mut state) = self.state.try_lock() {
            state.line = None;
        }
        self.shelf().clear()
    }

    /// Listens to these channels from now on, and answers whether it did not before. Waits
    /// for a read that is under way.
    pub(super) async fn listen(&self, server: &Arc<Server>, to: &[Arc<str>]) -> Result<bool> {
        let mut state = self.state.lock().await;
        self.listening(&mut state, server, to).await
    }

    /// Reads; see [`Consumer::read`](protean_port::port::Consumer::read).
    pub(super) async fn read(&self, server: &Arc<Server>, read: &BrokerRead) -> Result<Vec<Entry>> {
        let until = read.wait.map(|wait| Instant::now() + wait);
        let mut state = self.state.lock().await;
        loop {
            state.tell(&server.place, self.shelf().missed());
            // First of all, so that little is missed after the connection was cut.
            let listening = self.listening(&mut state, server, &read.streams).await;
            let entries = self.shelf().next(read.limit);
            if !entries.is_empty() {
                return Ok(entries);
            }
            listening?;
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let Some(left) = left.filter(|left| *left > Duration::ZERO) else {
                return Ok(Vec::new());
            };
            // Cut short, so that a connection that is dead is noticed however long the wait.
            let came = tokio::time::timeout(left.min(server.patience), self.heard.came.notified());
            if came.await.is_err()
                && let Some(line) = &mut state.line
                && let Err(failed) = line.probe(server).await
            {
                state.line = None;
                return Err(failed);
            }
        }
    }

    async fn listening(
        &self,
        state: &mut State,
        server: &Arc<Server>,
        to: &[Arc<str>],
    ) -> Result<bool> {
        if state.line.as_ref().is_some_and(Line::is_cut) {
            state.line = None;
            let place = &server.place;
            warn!(
                "Redis at {place} has closed a connection: what was published since is not heard"
            );
        }
        let line = match &mut state.line {
            Some(line) => line,
            None => state.line.insert(Line::connect(server, &self.heard).await?),
        };
        let listening = line.listen(server, to).await;
        if listening.is_err() {
            state.line = None;
        }
        listening
    }
}

impl State {
    /// Says how many are lost, not too often.
    fn tell(&mut self, place: &str, missed: u64) {
        let (told, when) = self.told;
        if missed == told || when.is_some_and(|when| when.elapsed() < TELL) {
            return;
        }
        self.told = (missed, Some(Instant::now()));
        let more = missed - told;
        warn!(
            "{more} messages that Redis at {place} told are lost, since they come faster than they \
             are handled and it keeps none; publish less at once, or use streams"
        );
    }
}
