//! The broker: each stream is a channel.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protean_port::Result;
use protean_port::message::Id;
use protean_port::port::{
    Batch, BoxFuture, Broker, BrokerGroup, BrokerGroupStatus, BrokerMark, BrokerRead, Consumer,
    Entry, EntryId, EntryRef, Publication, Published, Receipt, StoredMark, TakeOver,
};
use redis::Value;

use super::ear::Ear;
use crate::check;
use crate::publish::{hold_back, refused};
use crate::shared::Shared;

/// Channels of one Redis server, and what the groups of this process have heard there.
pub(crate) struct Channels {
    shared: Shared,
    /// The longest message the server takes, in bytes.
    longest: usize,
    ears: Mutex<HashMap<Arc<str>, Arc<Ear>>>,
    /// As durable as what was published: not at all.
    marks: Mutex<HashMap<Arc<str>, Arc<str>>>,
}

impl Channels {
    /// Those of a server, once it has answered.
    pub(crate) async fn connect(shared: Shared) -> Result<Self> {
        shared.connect().await?;
        let longest = check::longest(&shared).await?;
        Ok(Self { shared, longest, ears: Mutex::default(), marks: Mutex::default() })
    }

    fn ears(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Ear>>> {
        self.ears.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ear of a group that is to listen.
    fn ear(&self, group: &str) -> Arc<Ear> {
        Arc::clone(self.ears().entry(group.into()).or_default())
    }

    /// The ear of a group, if it listens.
    fn open(&self, group: &str) -> Option<Arc<Ear>> {
        self.ears().get(group).map(Arc::clone)
    }

    /// Sets a mark unless the batch is not whole, and gives what it was.
    fn set(&self, BrokerMark { name, value }: BrokerMark, is_whole: bool) -> Option<Arc<str>> {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if is_whole { marks.insert(name, value) } else { marks.get(&name).cloned() }
    }

    /// Says it to whoever listens now.
    async fn tell(&self, entries: &[Publication]) -> Result<Vec<Published>> {
        let mut tell = redis::pipe();
        let mut published: Vec<_> = entries.iter().map(|one| refused(one, self.longest)).collect();
        for (Publication { stream, data }, refused) in entries.iter().zip(&published) {
            if refused.is_none() {
                tell.cmd("PUBLISH").arg(&**stream).arg(&**data);
            }
        }
        let mut answers = self.shared.ask_all(&tell).await?.into_iter();
        for outcome in published.iter_mut().filter(|outcome| outcome.is_none()) {
            let answer = self.shared.accepted(answers.next().unwrap_or(Value::Nil));
            *outcome = Some(match answer {
                Ok(_) => Published::Accepted(EntryId::new(Id::new().as_str())),
                Err(refused) => Published::Unavailable(refused.to_string()),
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
                if self.ear(&of.group).listen(&self.shared.server, to).await? {
                    new.push(of.clone());
                }
            }
            Ok(new)
        })
    }

    fn forget<'a>(&'a self, groups: &'a [BrokerGroup]) -> BoxFuture<'a, Result> {
        Box::pin(async move {
            groups.iter().for_each(|of| drop(self.ears().remove(&of.group)));
            Ok(())
        })
    }

    fn publish(&self, batch: Batch) -> BoxFuture<'_, Result<Receipt>> {
        Box::pin(async move {
            let published = self.tell(&batch.entries).await?;
            let is_whole = !published.iter().any(|one| matches!(one, Published::Unavailable(_)));
            let before = batch.mark.and_then(|mark| self.set(mark, is_whole));
            Ok(Receipt { published, before })
        })
    }

    fn kept<'a>(&'a self, mark: &'a str) -> BoxFuture<'a, Result<StoredMark>> {
        Box::pin(async move {
            self.shared.ask(redis::cmd("PING")).await?;
            let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(StoredMark { value: marks.get(mark).cloned(), incarnation: "".into() })
        })
    }

    fn standing<'a>(
        &'a self,
        groups: &'a [BrokerGroup],
    ) -> BoxFuture<'a, Result<Vec<Option<BrokerGroupStatus>>>> {
        // Redis knows no groups here.
        Box::pin(async move { Ok(vec![None; groups.len()]) })
    }
}

impl Consumer for Channels {
    fn read(&self, read: BrokerRead) -> BoxFuture<'_, Result<Vec<Entry>>> {
        Box::pin(async move { self.ear(&read.group).read(&self.shared.server, &read).await })
    }

    fn settle<'a>(&'a self, group: &'a str, entries: &'a [EntryRef]) -> BoxFuture<'a, Result> {
        Box::pin(async move {
            if let Some(ear) = self.open(group) {
                ear.shelf().settle(entries);
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
            let ear = self.open(group);
            let is_own = |at: &EntryRef| ear.as_ref().is_some_and(|ear| ear.shelf().has(at));
            Ok(entries.iter().filter(|at| !is_own(at)).cloned().collect())
        })
    }

    fn release<'a>(
        &'a self,
        _group: &'a str,
        _consumer: &'a str,
        _entries: &'a [EntryRef],
    ) -> BoxFuture<'a, Result> {
        // What is not settled is found by take_over as it is.
        Box::pin(async { Ok(()) })
    }

    fn take_over(&self, take: TakeOver) -> BoxFuture<'_, Result<Vec<Entry>>> {
        Box::pin(async move {
            let unsettled = self.open(&take.group).map(|ear| ear.shelf().unsettled(take.limit));
            Ok(unsettled.unwrap_or_default())
        })
    }

    fn leave(&self, group: &str, _consumer: &str) -> Vec<Entry> {
        let ear = self.ears().remove(group);
        ear.map(|ear| ear.close()).unwrap_or_default()
    }
}
