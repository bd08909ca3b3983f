//! A connection that listens to channels.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use protean_port::Result;
use protean_port::message::Id;
use protean_port::port::{Entry, EntryId, EntryRef};
use redis::aio::{PubSubSink, PubSubStream};
use tokio::task::JoinHandle;

use super::ear::Heard;
use crate::error;
use crate::server::{Counted, Server};

/// What is said on its channels lies in [`Heard`] until it is dropped.
pub(super) struct Line {
    sink: PubSubSink,
    channels: BTreeSet<Arc<str>>,
    pump: JoinHandle<()>,
    is_cut: Arc<AtomicBool>,
    _counted: Counted,
}

impl Line {
    /// Connects; it listens to nothing yet.
    pub(super) async fn connect(server: &Arc<Server>, heard: &Arc<Heard>) -> Result<Self> {
        let (connection, counted) = server.listen().await.map_err(error::outage)?;
        let (sink, said) = connection.split();
        let is_cut = Arc::<AtomicBool>::default();
        let pump = tokio::spawn(listen(said, Arc::clone(heard), Arc::clone(&is_cut)));
        Ok(Self { sink, channels: BTreeSet::new(), pump, is_cut, _counted: counted })
    }

    /// Listens to these channels as well, and answers whether any of them is new.
    pub(super) async fn listen(&mut self, server: &Server, to: &[Arc<str>]) -> Result<bool> {
        let new: Vec<_> = to.iter().filter(|name| !self.channels.contains(*name)).collect();
        for channel in &new {
            self.ask(server, channel).await?;
            self.channels.insert(Arc::clone(channel));
        }
        Ok(!new.is_empty())
    }

    /// Finds out whether the server still answers here: to listen twice is to listen.
    pub(super) async fn probe(&mut self, server: &Server) -> Result {
        let channel = self.channels.first().map(Arc::clone);
        match channel {
            Some(channel) => self.ask(server, &channel).await,
            None => Ok(()),
        }
    }

    /// True once the server has ended it.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Acquire)
    }

    async fn ask(&mut self, server: &Server, channel: &str) -> Result {
        let asking = self.sink.subscribe(channel);
        match tokio::time::timeout(server.patience, asking).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(failed)) => Err(error::outage(error::of_connecting(failed, &server.place))),
            Err(_) => Err(error::silent(&server.place, server.patience)),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// Takes in what is said, as fast as it comes: nothing piles up in the connection.
async fn listen(mut said: PubSubStream, heard: Arc<Heard>, is_cut: Arc<AtomicBool>) {
    while let Some(message) = said.next().await {
        // Redis gives it no name, and the log needs one.
        let id = EntryId::new(Id::new().as_str());
        let at = EntryRef { stream: message.get_channel_name().into(), id };
        let data = Some(message.get_payload_bytes().to_vec());
        heard.put(Entry { at, data, others: Vec::new() });
    }
    is_cut.store(true, Ordering::Release);
    heard.came.notify_one();
}
