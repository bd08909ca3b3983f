//! The broker: each method as commands on the shared connection.

use std::sync::Arc;
use std::time::Duration;

use protean_port::port::{
    Batch, BoxFuture, Broker, BrokerGroup, BrokerGroupStatus, BrokerRead, Consumer, Entry, EntryId,
    EntryRef, Receipt, StoredMark, TakeOver,
};
use protean_port::{Error, Result};
use redis::{Cmd, Value};

use crate::reader::Readers;
use crate::script::Step;
use crate::shared::Shared;
use crate::{check, entry, publish};

/// At most so many ids go into one step: it must not keep the server long.
const IDS: usize = 500;

/// Streams and groups of one Redis server.
pub(crate) struct RedisBroker {
    pub(crate) shared: Shared,
    pub(crate) readers: Readers,
    /// The longest message the server takes, in bytes.
    pub(crate) longest: usize,
}

impl Broker for RedisBroker {
    fn prepare<'a>(&'a self, groups: &'a [BrokerGroup]) -> BoxFuture<'a, Result<Vec<BrokerGroup>>> {
        Box::pin(async move {
            let mut create = redis::pipe();
            for BrokerGroup { stream, group } in groups {
                create.cmd("XGROUP").arg("CREATE").arg(&**stream).arg(&**group);
                create.arg(0).arg("MKSTREAM");
            }
            let mut missing = Vec::new();
            for (answer, group) in self.shared.ask_all(&create).await?.into_iter().zip(groups) {
                if matches!(&answer, Value::ServerError(refusal) if refusal.code() == "BUSYGROUP") {
                    continue;
                }
                self.shared.accepted(answer).map_err(|failed| of_stream(failed, group))?;
                missing.push(group.clone());
            }
            Ok(missing)
        })
    }

    fn forget<'a>(&'a self, groups: &'a [BrokerGroup]) -> BoxFuture<'a, Result> {
        Box::pin(async move {
            for BrokerGroup { stream, group } in groups {
                let mut from = Some("-".to_owned());
                while let Some(begin) = from {
                    let mut step = self.shared.steps.on(Step::Forget, stream);
                    step.arg(&**group).arg(begin).arg(IDS);
                    from = entry::text(self.shared.ask(step).await?);
                }
            }
            Ok(())
        })
    }

    fn publish(&self, batch: Batch) -> BoxFuture<'_, Result<Receipt>> {
        Box::pin(async move { publish::publish(&self.shared, &batch, self.longest).await })
    }

    fn kept<'a>(&'a self, mark: &'a str) -> BoxFuture<'a, Result<StoredMark>> {
        Box::pin(async move {
            let mut ask = redis::pipe();
            ask.cmd("GET").arg(publish::key(mark)).cmd("INFO").arg("server");
            let mut answers = self.shared.ask_all(&ask).await?.into_iter();
            let mut next = || self.shared.accepted(answers.next().unwrap_or(Value::Nil));
            let value = entry::text(next()?).map(Arc::from);
            let info = entry::text(next()?).unwrap_or_default();
            let incarnation = check::told(&info, "run_id");
            let incarnation = incarnation.ok_or_else(|| self.shared.unexpected("INFO"))?;
            Ok(StoredMark { value, incarnation: incarnation.into() })
        })
    }

    fn standing<'a>(
        &'a self,
        groups: &'a [BrokerGroup],
    ) -> BoxFuture<'a, Result<Vec<Option<BrokerGroupStatus>>>> {
        Box::pin(async move {
            let mut ask = redis::pipe();
            for BrokerGroup { stream, group } in groups {
                let mut step = self.shared.steps.on(Step::GroupStatus, stream);
                step.arg(&**group);
                ask.add_command(step);
            }
            let answers = self.shared.ask_all(&ask).await?.into_iter();
            answers.map(|answer| self.standing_of(self.shared.accepted(answer)?)).collect()
        })
    }
}

impl Consumer for RedisBroker {
    fn read(&self, read: BrokerRead) -> BoxFuture<'_, Result<Vec<Entry>>> {
        Box::pin(async move { self.readers.read(&self.shared, &read).await })
    }

    fn settle<'a>(&'a self, group: &'a str, entries: &'a [EntryRef]) -> BoxFuture<'a, Result> {
        Box::pin(async move {
            let mut settle = redis::pipe();
            for part in parts(entries) {
                let mut step = self.shared.steps.on(Step::Settle, &part[0].stream);
                step.arg(group);
                settle.add_command(with_ids(step, &part));
            }
            for answer in self.shared.ask_all(&settle).await? {
                self.shared.accepted(answer)?;
            }
            Ok(())
        })
    }

    fn hold<'a>(
        &'a self,
        group: &'a str,
        consumer: &'a str,
        entries: &'a [EntryRef],
    ) -> BoxFuture<'a, Result<Vec<EntryRef>>> {
        Box::pin(async move {
            let parts = parts(entries);
            let mut hold = redis::pipe();
            for part in &parts {
                let mut step = self.shared.steps.on(Step::Hold, &part[0].stream);
                step.arg(group).arg(consumer);
                hold.add_command(with_ids(step, part));
            }
            let mut lost = Vec::new();
            for (answer, part) in self.shared.ask_all(&hold).await?.into_iter().zip(parts) {
                let own = self.ids(self.shared.accepted(answer)?)?;
                lost.extend(part.into_iter().filter(|entry| !own.contains(&entry.id)).cloned());
            }
            Ok(lost)
        })
    }

    fn release<'a>(
        &'a self,
        group: &'a str,
        consumer: &'a str,
        entries: &'a [EntryRef],
    ) -> BoxFuture<'a, Result> {
        Box::pin(async move {
            let mut release = redis::pipe();
            for part in parts(entries) {
                let mut step = self.shared.steps.on(Step::Release, &part[0].stream);
                step.arg(group).arg(consumer);
                release.add_command(with_ids(step, &part));
            }
            for answer in self.shared.ask_all(&release).await? {
                self.shared.accepted(answer)?;
            }
            Ok(())
        })
    }

    fn take_over(&self, take: TakeOver) -> BoxFuture<'_, Result<Vec<Entry>>> {
        Box::pin(async move {
            let mut taken = Vec::new();
            for stream in take.streams.iter() {
                match self.take_from(stream, &take, &mut taken).await {
                    Ok(()) => {}
                    // What has moved must be seen; the next call fails again.
                    Err(_) if !taken.is_empty() => break,
                    Err(failed) => return Err(failed),
                }
            }
            Ok(taken)
        })
    }

    fn leave(&self, group: &str, consumer: &str) -> Vec<Entry> {
        self.readers.forget(group, consumer);
        Vec::new()
    }
}

impl RedisBroker {
    fn standing_of(&self, answer: Value) -> Result<Option<BrokerGroupStatus>> {
        if matches!(answer, Value::Nil) {
            return Ok(None);
        }
        let unexpected = || self.shared.unexpected("XINFO GROUPS");
        let told = entry::array(answer).ok_or_else(unexpected)?;
        let told: Vec<_> = told.iter().map(entry::number).collect();
        let [Some(length), Some(pending), lag, Some(consumers), age] = told[..] else {
            return Err(unexpected());
        };
        let oldest = age.map(Duration::from_millis);
        Ok(Some(BrokerGroupStatus { length, pending, lag, consumers, oldest }))
    }

    /// The ids in an answer.
    fn ids(&self, answer: Value) -> Result<Vec<EntryId>> {
        let ids = entry::array(answer).and_then(|ids| {
            ids.into_iter().map(|id| entry::text(id).map(EntryId::new)).collect::<Option<_>>()
        });
        ids.ok_or_else(|| self.shared.unexpected("XCLAIM"))
    }

    /// Takes over from one stream; once all that is idle has moved, lets go of consumers.
    async fn take_from(
        &self,
        stream: &Arc<str>,
        take: &TakeOver,
        taken: &mut Vec<Entry>,
    ) -> Result {
        let idle = u64::try_from(take.idle.as_millis()).unwrap_or(u64::MAX);
        let mut from = "0-0".to_owned();
        loop {
            let rest = take.limit.saturating_sub(taken.len());
            if rest == 0 {
                return Ok(());
            }
            let mut claim = redis::cmd("XAUTOCLAIM");
            claim.arg(&**stream).arg(&*take.group).arg(&*take.consumer);
            claim.arg(idle).arg(&from).arg("COUNT").arg(rest);
            from = self.claimed(self.shared.ask(claim).await?, stream, taken)?;
            if from == "0-0" {
                break;
            }
        }
        let mut leave = self.shared.steps.on(Step::Leave, stream);
        leave.arg(&*take.group).arg(&*take.consumer).arg(idle);
        self.shared.ask(leave).await.map(drop)
    }

    /// Adds what was claimed and answers where to go on. Entries that are gone come
    /// last and apart: the server has dropped them from the pending ones (7.0).
    fn claimed(&self, answer: Value, stream: &Arc<str>, taken: &mut Vec<Entry>) -> Result<String> {
        let mut answer = entry::array(answer).unwrap_or_default().into_iter();
        let next = answer.next().and_then(entry::text);
        let list = answer.next().and_then(|list| entry::of_stream(list, stream, taken));
        next.filter(|_| list.is_some()).ok_or_else(|| self.shared.unexpected("XAUTOCLAIM"))
    }
}

/// The error of one stream, with its name.
fn of_stream(failed: Error, BrokerGroup { stream, .. }: &BrokerGroup) -> Error {
    Error::unavailable(format!("stream '{stream}': {failed}")).with_source(failed)
}

/// The entries by stream and ascending, at most so many together.
fn parts(entries: &[EntryRef]) -> Vec<Vec<&EntryRef>> {
    let mut entries: Vec<&EntryRef> = entries.iter().collect();
    entries.sort_by(|a, b| a.stream.cmp(&b.stream).then_with(|| order(&a.id).cmp(&order(&b.id))));
    let streams = entries.chunk_by(|a, b| a.stream == b.stream);
    streams.flat_map(|stream| stream.chunks(IDS)).map(<[_]>::to_vec).collect()
}

/// What ids are ordered by: a time and a count.
fn order(id: &EntryId) -> Option<(u64, u64)> {
    let (time, count) = id.as_str().split_once('-')?;
    Some((time.parse().ok()?, count.parse().ok()?))
}

fn with_ids(mut step: Cmd, entries: &[&EntryRef]) -> Cmd {
    for entry in entries {
        step.arg(entry.id.as_str());
    }
    step
}
