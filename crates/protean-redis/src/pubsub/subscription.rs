//! The subscription of one group.

use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use protean_port::Result;
use protean_port::port::{BrokerRead, Entry};
use tracing::warn;

use super::channel_connection::ChannelConnection;
use super::pending_buffer::PendingBuffer;
use super::received::Received;
use crate::server::Server;

/// The shortest time between two warnings about dropped messages.
const WARNING_INTERVAL: Duration = Duration::from_secs(10);

/// Receives from its first read on. What it has received outlives its connection.
#[derive(Default)]
pub(super) struct Subscription {
    state: tokio::sync::Mutex<State>,
    received: Arc<Received>,
}

#[derive(Default)]
struct State {
    connection: Option<ChannelConnection>,
    /// The number of dropped messages that the last warning reported.
    reported_drops: u64,
    last_warning: Option<Instant>,
}

impl Subscription {
    pub(super) fn buffer(&self) -> MutexGuard<'_, PendingBuffer> {
        self.received.buffer()
    }

    /// Ends the subscription and returns what is not settled.
    pub(super) fn close(&self) -> Vec<Entry> {
        // A read under way holds the state; it ends with the subscription.
        if let Ok(mut state) = self.state.try_lock() {
            state.connection = None;
        }
        self.buffer().clear()
    }

    /// Subscribes to these channels from now on; true when one of them is new. Waits for a
    /// read that is under way.
    pub(super) async fn subscribe(&self, server: &Arc<Server>, to: &[Arc<str>]) -> Result<bool> {
        let mut state = self.state.lock().await;
        self.subscribe_in(&mut state, server, to).await
    }

    /// Reads; see [`Consumer::read`](protean_port::port::Consumer::read).
    pub(super) async fn read(&self, server: &Arc<Server>, read: &BrokerRead) -> Result<Vec<Entry>> {
        let until = read.wait.map(|wait| Instant::now() + wait);
        let mut state = self.state.lock().await;
        loop {
            state.warn_about_drops(&server.address, self.buffer().dropped());
            // Before anything else, so that little is missed after a connection was closed.
            let subscribed = self.subscribe_in(&mut state, server, &read.streams).await;
            let entries = self.buffer().hand_out(read.limit);
            if !entries.is_empty() {
                return Ok(entries);
            }
            subscribed?;
            let remaining = until
                .map(|until| until.saturating_duration_since(Instant::now()))
                .filter(|remaining| *remaining > Duration::ZERO);
            let Some(remaining) = remaining else { return Ok(Vec::new()) };
            // Cut short, so that a dead connection is noticed however long the wait.
            let wait = remaining.min(server.response_timeout);
            let changed = tokio::time::timeout(wait, self.received.changed.notified());
            if changed.await.is_err()
                && let Some(connection) = &mut state.connection
                && let Err(failed) = connection.probe(server).await
            {
                state.connection = None;
                return Err(failed);
            }
        }
    }

    async fn subscribe_in(
        &self,
        state: &mut State,
        server: &Arc<Server>,
        to: &[Arc<str>],
    ) -> Result<bool> {
        if state.connection.as_ref().is_some_and(ChannelConnection::is_closed) {
            state.connection = None;
            warn!(
                redis = %server.address,
                "Redis closed a subscription; messages published until it is open again are lost"
            );
        }
        let connection = match &mut state.connection {
            Some(connection) => connection,
            None => state.connection.insert(ChannelConnection::open(server, &self.received).await?),
        };
        let subscribed = connection.subscribe(server, to).await;
        if subscribed.is_err() {
            state.connection = None;
        }
        subscribed
    }
}

impl State {
    /// Warns about dropped messages, at most once an interval.
    fn warn_about_drops(&mut self, address: &str, dropped: u64) {
        let is_recent = self.last_warning.is_some_and(|when| when.elapsed() < WARNING_INTERVAL);
        if dropped == self.reported_drops || is_recent {
            return;
        }
        warn!(
            redis = %address,
            dropped = dropped - self.reported_drops,
            "messages lost: they arrive faster than they are handled, and publish/subscribe \
             stores none; publish more slowly, or use streams"
        );
        self.reported_drops = dropped;
        self.last_warning = Some(Instant::now());
    }
}
