//! The broker port: each method sends commands on the shared connection.

use std::sync::Arc;
use std::time::Duration;

use protean_port::port::{
    Batch, BoxFuture, Broker, BrokerConsumer, BrokerGroup, BrokerGroupStatus, BrokerMark,
    BrokerRead, Consumer, Entry, EntryId, EntryRef, Receipt, StoredMark, TakeOver,
};
use protean_port::{Error, Result};
use redis::Value;

use crate::reader::Readers;
use crate::script::Script;
use crate::shared::Shared;
use crate::{check, entry, publish};

/// The largest number of ids in one script call, which must not block the server for long.
const MAX_IDS_PER_CALL: usize = 500;

/// The streams and consumer groups of one Redis server.
pub(crate) struct RedisBroker {
    pub(crate) shared: Shared,
    pub(crate) readers: Readers,
    pub(crate) max_message_bytes: usize,
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
            for (reply, group) in self.shared.send_all(&create).await?.into_iter().zip(groups) {
                if matches!(&reply, Value::ServerError(error) if error.code() == "BUSYGROUP") {
                    continue;
                }
                self.shared.accepted(reply).map_err(|failed| with_stream(failed, &group.stream))?;
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
                    let mut call = self.shared.scripts.call(Script::Forget, stream);
                    call.arg(&**group).arg(begin).arg(MAX_IDS_PER_CALL);
                    from = entry::text(self.shared.send(call).await?);
                }
            }
            Ok(())
        })
    }

    fn publish(&self, batch: Batch) -> BoxFuture<'_, Result<Receipt>> {
        Box::pin(
            async move { publish::publish(&self.shared, &batch, self.max_message_bytes).await },
        )
    }

    fn stored_mark<'a>(&'a self, mark: &'a str) -> BoxFuture<'a, Result<StoredMark>> {
        Box::pin(async move {
            let mut commands = redis::pipe();
            commands.cmd("GET").arg(publish::key(mark)).cmd("INFO").arg("server");
            let mut replies = self.shared.send_all(&commands).await?.into_iter();
            let mut next = || self.shared.accepted(replies.next().unwrap_or(Value::Nil));
            let value = entry::text(next()?).map(Arc::from);
            let info = entry::text(next()?).unwrap_or_default();
            let incarnation =
                check::info_field(&info, "run_id").ok_or_else(|| self.shared.unexpected("INFO"))?;
            Ok(StoredMark { value, incarnation: incarnation.into() })
        })
    }

    fn claim_mark(&self, mark: BrokerMark) -> BoxFuture<'_, Result<Arc<str>>> {
        Box::pin(async move { publish::claim_mark(&self.shared, &mark).await })
    }

    fn group_status<'a>(
        &'a self,
        groups: &'a [BrokerGroup],
    ) -> BoxFuture<'a, Result<Vec<Option<BrokerGroupStatus>>>> {
        Box::pin(async move {
            let mut calls = redis::pipe();
            for BrokerGroup { stream, group } in groups {
                let mut call = self.shared.scripts.call(Script::GroupStatus, stream);
                call.arg(&**group);
                calls.add_command(call);
            }
            let replies = self.shared.send_all(&calls).await?.into_iter();
            replies.map(|reply| self.group_status(self.shared.accepted(reply)?)).collect()
        })
    }

    fn consumers<'a>(
        &'a self,
        groups: &'a [BrokerGroup],
    ) -> BoxFuture<'a, Result<Vec<Vec<BrokerConsumer>>>> {
        Box::pin(async move {
            let mut calls = redis::pipe();
            for BrokerGroup { stream, group } in groups {
                calls.cmd("XINFO").arg("CONSUMERS").arg(&**stream).arg(&**group);
            }
            let replies = self.shared.send_all(&calls).await?.into_iter();
            replies.map(|reply| self.consumers_of(reply)).collect()
        })
    }
}

impl Consumer for RedisBroker {
    fn read(&self, read: BrokerRead) -> BoxFuture<'_, Result<Vec<Entry>>> {
        Box::pin(async move { self.readers.read(&self.shared, &read).await })
    }

    fn settle<'a>(&'a self, group: &'a str, entries: &'a [EntryRef]) -> BoxFuture<'a, Result> {
        Box::pin(async move { self.run(Script::Settle, &[group], &parts(entries)).await.map(drop) })
    }

    fn hold<'a>(
        &'a self,
        group: &'a str,
        consumer: &'a str,
        entries: &'a [EntryRef],
    ) -> BoxFuture<'a, Result<Vec<EntryRef>>> {
        Box::pin(async move {
            let parts = parts(entries);
            let held = self.run(Script::Hold, &[group, consumer], &parts).await?;
            let mut lost = Vec::new();
            for (reply, part) in held.into_iter().zip(parts) {
                let own = self.ids(reply)?;
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
            self.run(Script::Release, &[group, consumer], &parts(entries)).await.map(drop)
        })
    }

    fn take_over(&self, take: TakeOver) -> BoxFuture<'_, Result<Vec<Entry>>> {
        Box::pin(async move {
            let mut taken = Vec::new();
            for stream in take.streams.iter() {
                match self.take_from(stream, &take, &mut taken).await {
                    Ok(()) => {}
                    // The caller must see the entries that moved; the next call reports the failure.
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
    /// Runs a script on each part of some entries.
    async fn run(
        &self,
        script: Script,
        arguments: &[&str],
        parts: &[Vec<&EntryRef>],
    ) -> Result<Vec<Value>> {
        let mut calls = redis::pipe();
        for part in parts {
            let ids: Vec<&str> = part.iter().map(|entry| entry.id.as_str()).collect();
            let mut call = self.shared.scripts.call(script, &part[0].stream);
            call.arg(arguments).arg(ids);
            calls.add_command(call);
        }
        let replies = self.shared.send_all(&calls).await?.into_iter();
        replies.map(|reply| self.shared.accepted(reply)).collect()
    }

    fn group_status(&self, reply: Value) -> Result<Option<BrokerGroupStatus>> {
        if matches!(reply, Value::Nil) {
            return Ok(None);
        }
        let unexpected = || self.shared.unexpected("XINFO GROUPS");
        let values = entry::array(reply).ok_or_else(unexpected)?;
        let numbers: Vec<_> = values.iter().map(entry::number).collect();
        let [Some(length), Some(pending), lag, Some(consumers), age, Some(groups)] = numbers[..]
        else {
            return Err(unexpected());
        };
        let oldest = age.map(Duration::from_millis);
        Ok(Some(BrokerGroupStatus { length, groups, pending, lag, consumers, oldest }))
    }

    fn consumers_of(&self, reply: Value) -> Result<Vec<BrokerConsumer>> {
        let reply = match self.shared.accepted(reply) {
            Err(missing) if missing.is_not_found() => return Ok(Vec::new()),
            reply => reply?,
        };
        let consumers = entry::array(reply).map(|list| list.into_iter().map(consumer).collect());
        consumers.flatten().ok_or_else(|| self.shared.unexpected("XINFO CONSUMERS"))
    }

    fn ids(&self, reply: Value) -> Result<Vec<EntryId>> {
        entry::array(reply)
            .and_then(|ids| ids.into_iter().map(|id| entry::text(id).map(EntryId::new)).collect())
            .ok_or_else(|| self.shared.unexpected("XCLAIM"))
    }

    /// Takes over from one stream. Once every idle entry has moved, removes idle consumers.
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
            from = self.add_claimed(self.shared.send(claim).await?, stream, taken)?;
            if from == "0-0" {
                break;
            }
        }
        let mut leave = self.shared.scripts.call(Script::Leave, stream);
        leave.arg(&*take.group).arg(&*take.consumer).arg(idle);
        self.shared.send(leave).await.map(drop)
    }

    /// Adds the claimed entries and returns where the next call begins. Since 7.0 a third
    /// element lists deleted entries, which the server has removed from the pending ones.
    fn add_claimed(
        &self,
        reply: Value,
        stream: &Arc<str>,
        taken: &mut Vec<Entry>,
    ) -> Result<String> {
        let mut reply = entry::array(reply).unwrap_or_default().into_iter();
        let next = reply.next().and_then(entry::text);
        let list = reply.next().and_then(|list| entry::of_stream(list, stream, taken));
        next.filter(|_| list.is_some()).ok_or_else(|| self.shared.unexpected("XAUTOCLAIM"))
    }
}

/// Adds the name of the stream to an error.
fn with_stream(failed: Error, stream: &str) -> Error {
    Error::unavailable(format!("stream '{stream}': {failed:#}"))
}

/// The entries grouped by stream, in ascending order, in parts that fit one call.
fn parts(entries: &[EntryRef]) -> Vec<Vec<&EntryRef>> {
    let mut entries: Vec<&EntryRef> = entries.iter().collect();
    entries.sort_by(|a, b| {
        a.stream.cmp(&b.stream).then_with(|| sort_key(&a.id).cmp(&sort_key(&b.id)))
    });
    let streams = entries.chunk_by(|a, b| a.stream == b.stream);
    streams.flat_map(|stream| stream.chunks(MAX_IDS_PER_CALL)).map(<[_]>::to_vec).collect()
}

/// The sort key of an id: its time and count as numbers.
fn sort_key(id: &EntryId) -> Option<(u64, u64)> {
    let (time, count) = id.as_str().split_once('-')?;
    Some((time.parse().ok()?, count.parse().ok()?))
}

/// A consumer as `XINFO CONSUMERS` lists it: names and values in turn.
fn consumer(list: Value) -> Option<BrokerConsumer> {
    let (mut name, mut pending, mut idle) = (None, None, None);
    let mut list = entry::array(list)?.into_iter();
    while let (Some(field), Some(value)) = (list.next(), list.next()) {
        match entry::text(field)?.as_str() {
            "name" => name = entry::text(value),
            "pending" => pending = entry::number(&value),
            "idle" => idle = entry::number(&value),
            _ => {}
        }
    }
    let (name, idle) = (name?.into(), Duration::from_millis(idle?));
    Some(BrokerConsumer { name, pending: pending?, idle })
}
