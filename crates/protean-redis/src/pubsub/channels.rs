//! The broker: each stream is a channel.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protean_port::Result;
use protean_port::message::Id;
use protean_port::port::{
    Batch, BoxFuture, Broker, BrokerConsumer, BrokerGroup, BrokerGroupStatus, BrokerMark,
    BrokerRead, Consumer, Entry, EntryId, EntryRef, Publication, Published, Receipt, StoredMark,
    TakeOver,
};
use redis::Value;

use super::subscription::Subscription;
use crate::check;
use crate::publish::{hold_back, refusal};
use crate::shared::Shared;

/// The channels of one Redis server, and the subscriptions of this process to them.
pub(crate) struct Channels {
    shared: Shared,
    max_message_bytes: usize,
    /// By group.
    subscriptions: Mutex<HashMap<Arc<str>, Arc<Subscription>>>,
    /// Kept in memory alone: the published messages are not durable either.
    marks: Mutex<HashMap<Arc<str>, Arc<str>>>,
}

impl Channels {
    /// Connects to a server and asks for its limits.
    pub(crate) async fn connect(shared: Shared) -> Result<Self> {
        shared.connect().await?;
        let max_message_bytes = check::max_message_bytes(&shared).await?;
        Ok(Self {
            shared,
            max_message_bytes,
            subscriptions: Mutex::default(),
            marks: Mutex::default(),
        })
    }

    fn subscriptions(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Subscription>>> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The subscription of a group, made when it is missing.
    fn subscription(&self, group: &str) -> Arc<Subscription> {
        Arc::clone(self.subscriptions().entry(group.into()).or_default())
    }

    /// The subscription of a group, if it has one.
    fn existing(&self, group: &str) -> Option<Arc<Subscription>> {
        self.subscriptions().get(group).map(Arc::clone)
    }

    /// Sets a mark if the whole batch was published, and returns its former value.
    fn set_mark(&self, BrokerMark { name, value }: BrokerMark, is_whole: bool) -> Option<Arc<str>> {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if is_whole { marks.insert(name, value) } else { marks.get(&name).cloned() }
    }

    /// Publishes to the current subscribers.
    async fn publish_all(&self, entries: &[Publication]) -> Result<Vec<Published>> {
        let mut publish = redis::pipe();
        let mut published: Vec<_> =
            entries.iter().map(|entry| refusal(entry, self.max_message_bytes)).collect();
        for (Publication { stream, data }, refusal) in entries.iter().zip(&published) {
            if refusal.is_none() {
                publish.cmd("PUBLISH").arg(&**stream).arg(&**data);
            }
        }
        let mut replies = self.shared.send_all(&publish).await?.into_iter();
        for outcome in published.iter_mut().filter(|outcome| outcome.is_none()) {
            let reply = self.shared.accepted(replies.next().unwrap_or(Value::Nil));
            *outcome = Some(match reply {
                Ok(_) => Published::Accepted(EntryId::new(Id::new().as_str())),
                Err(failed) => Published::Unavailable(failed.to_string()),
            });
        }
        hold_back(entries, &mut published);
        Ok(published.into_iter().flatten().collect())
    }
}

impl Broker for Channels {
    fn prepare<'a>(&'a self, groups: &'a [BrokerGroup]) -> BoxFuture<'a, Result<Vec<BrokerGroup>>> {
        Box::pin(async move {
            let mut new = Vec::new();
            for of in groups {
                let to = std::slice::from_ref(&of.stream);
                if self.subscription(&of.group).subscribe(&self.shared.server, to).await? {
                    new.push(of.clone());
                }
            }
            Ok(new)
        })
    }

    fn forget<'a>(&'a self, groups: &'a [BrokerGroup]) -> BoxFuture<'a, Result> {
        Box::pin(async move {
            groups.iter().for_each(|of| drop(self.subscriptions().remove(&of.group)));
            Ok(())
        })
    }

    fn publish(&self, batch: Batch) -> BoxFuture<'_, Result<Receipt>> {
        Box::pin(async move {
            let published = self.publish_all(&batch.entries).await?;
            let is_whole = !published.iter().any(|one| matches!(one, Published::Unavailable(_)));
            let before = batch.mark.and_then(|mark| self.set_mark(mark, is_whole));
            Ok(Receipt { published, before })
        })
    }

    fn stored_mark<'a>(&'a self, mark: &'a str) -> BoxFuture<'a, Result<StoredMark>> {
        Box::pin(async move {
            self.shared.send(redis::cmd("PING")).await?;
            let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(StoredMark { value: marks.get(mark).cloned(), incarnation: "".into() })
        })
    }

    fn claim_mark(&self, mark: BrokerMark) -> BoxFuture<'_, Result<Arc<str>>> {
        Box::pin(async move {
            self.shared.send(redis::cmd("PING")).await?;
            let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(Arc::clone(marks.entry(mark.name).or_insert(mark.value)))
        })
    }

    fn group_status<'a>(
        &'a self,
        groups: &'a [BrokerGroup],
    ) -> BoxFuture<'a, Result<Vec<Option<BrokerGroupStatus>>>> {
        // Redis has no groups on channels.
        Box::pin(async move { Ok(vec![None; groups.len()]) })
    }

    fn consumers<'a>(
        &'a self,
        groups: &'a [BrokerGroup],
    ) -> BoxFuture<'a, Result<Vec<Vec<BrokerConsumer>>>> {
        Box::pin(async move { Ok(vec![Vec::new(); groups.len()]) })
    }
}

impl Consumer for Channels {
    fn read(&self, read: BrokerRead) -> BoxFuture<'_, Result<Vec<Entry>>> {
        Box::pin(
            async move { self.subscription(&read.group).read(&self.shared.server, &read).await },
        )
    }

    fn settle<'a>(&'a self, group: &'a str, entries: &'a [EntryRef]) -> BoxFuture<'a, Result> {
        Box::pin(async move {
            if let Some(subscription) = self.existing(group) {
                subscription.buffer().settle(entries);
            }
            Ok(())
        })
    }

    fn hold<'a>(
        &'a self,
        group: &'a str,
        _consumer: &'a str,
        entries: &'a [EntryRef],
    ) -> BoxFuture<'a, Result<Vec<EntryRef>>> {
        Box::pin(async move {
            let Some(subscription) = self.existing(group) else { return Ok(entries.to_vec()) };
            let buffer = subscription.buffer();
            Ok(entries.iter().filter(|at| !buffer.is_unsettled(at)).cloned().collect())
        })
    }

    fn release<'a>(
        &'a self,
        _group: &'a str,
        _consumer: &'a str,
        _entries: &'a [EntryRef],
    ) -> BoxFuture<'a, Result> {
        // take_over finds unsettled entries without further marking.
        Box::pin(async { Ok(()) })
    }

    fn take_over(&self, take: TakeOver) -> BoxFuture<'_, Result<Vec<Entry>>> {
        Box::pin(async move {
            let subscription = self.existing(&take.group);
            let unsettled = subscription.map(|it| it.buffer().unsettled(take.limit));
            Ok(unsettled.unwrap_or_default())
        })
    }

    fn leave(&self, group: &str, _consumer: &str) -> Vec<Entry> {
        let subscription = self.subscriptions().remove(group);
        subscription.map(|it| it.close()).unwrap_or_default()
    }
}
