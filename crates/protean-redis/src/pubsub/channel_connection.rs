//! A connection that subscribes to channels.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use protean_port::Result;
use protean_port::message::Id;
use protean_port::port::{Entry, EntryId, EntryRef};
use redis::aio::{PubSubSink, PubSubStream};
use tokio::task::JoinHandle;

use super::received::Received;
use crate::error;
use crate::server::{ConnectionSlot, Server};

/// Adds every message of its channels to [`Received`] until it is dropped.
pub(super) struct ChannelConnection {
    sink: PubSubSink,
    channels: BTreeSet<Arc<str>>,
    pump: JoinHandle<()>,
    is_closed: Arc<AtomicBool>,
    _slot: ConnectionSlot,
}

impl ChannelConnection {
    /// Connects without subscribing to a channel.
    pub(super) async fn open(server: &Arc<Server>, received: &Arc<Received>) -> Result<Self> {
        let (connection, slot) = server.connect_pubsub().await.map_err(error::outage)?;
        let (sink, messages) = connection.split();
        let is_closed = Arc::<AtomicBool>::default();
        let pump = tokio::spawn(pump(messages, Arc::clone(received), Arc::clone(&is_closed)));
        Ok(Self { sink, channels: BTreeSet::new(), pump, is_closed, _slot: slot })
    }

    /// Subscribes to these channels as well; true when one of them is new.
    pub(super) async fn subscribe(&mut self, server: &Server, to: &[Arc<str>]) -> Result<bool> {
        let new: Vec<_> = to.iter().filter(|name| !self.channels.contains(*name)).collect();
        for channel in &new {
            self.send_subscribe(server, channel).await?;
            self.channels.insert(Arc::clone(channel));
        }
        Ok(!new.is_empty())
    }

    /// Checks that the server still answers, by subscribing to a known channel again,
    /// which changes nothing.
    pub(super) async fn probe(&mut self, server: &Server) -> Result {
        let channel = self.channels.first().map(Arc::clone);
        match channel {
            Some(channel) => self.send_subscribe(server, &channel).await,
            None => Ok(()),
        }
    }

    /// True once the server has closed the connection.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    async fn send_subscribe(&mut self, server: &Server, channel: &str) -> Result {
        let subscribing = self.sink.subscribe(channel);
        server.answer(server.response_timeout, subscribing).await.map_err(error::outage)
    }
}

impl Drop for ChannelConnection {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// Takes in messages as fast as they come, so that nothing piles up in the connection.
async fn pump(mut messages: PubSubStream, received: Arc<Received>, is_closed: Arc<AtomicBool>) {
    while let Some(message) = messages.next().await {
        // Redis gives a published message no id, and the log needs one.
        let id = EntryId::new(Id::new().as_str());
        let at = EntryRef { stream: message.get_channel_name().into(), id };
        let data = Some(message.get_payload_bytes().to_vec());
        received.add(Entry { at, data, others: Vec::new() });
    }
    is_closed.store(true, Ordering::Release);
    received.changed.notify_one();
}
