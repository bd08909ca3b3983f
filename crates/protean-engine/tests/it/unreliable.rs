//! A store that is slow, fails now and then, and outlives the processes that use it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::weather::Weather;
use protean::Result;
use protean::memory::MemoryStore;
use protean::message::{Category, Stream, Table, Timestamp};
use protean::port::{
    BoxFuture, Changes, Claim, CommitWatch, CorrelatedEvents, Correlations, DeadLetter,
    DeadLetterRead, Delivery, Find, GroupIds, GroupNames, GroupRegistration, GroupStatus,
    IntakeRead, IntakeReject, IntakeRow, IntakeTable, KeyClaim, LaneRead, Ledger, Location, Log,
    LogId, LogIdentity, LogPlace, Outcome, ParkedNote, ParkedPage, ParkedRead, Parking,
    PendingWork, Provider, Rebuilds, RegisteredGroup, RowQuery, RowState, Rows, ScheduleAccount,
    Scheduled, ScheduledRead, Schedules, Schema, SchemaDifference, Statement, Store, StoreHealth,
    TableSwap, TypeStats, Wanted, Watched,
};
use tokio::sync::watch;

/// The store in memory behind the weather.
#[derive(Clone)]
pub(crate) struct Unreliable {
    inner: Arc<MemoryStore>,
    weather: Arc<Weather>,
    notes: Arc<Mutex<HashMap<String, Vec<u64>>>>,
}

impl Unreliable {
    pub(crate) fn new(weather: &Arc<Weather>) -> Self {
        let inner = Arc::new(MemoryStore::new());
        Self { inner, weather: Arc::clone(weather), notes: Arc::default() }
    }

    /// Takes a claim away from its holder; false when nobody holds it.
    pub(crate) fn revoke(&self, claim: &str) -> bool {
        self.inner.revoke_claim(claim)
    }
}

impl Provider for Unreliable {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn fault(&self, _: &Location) -> Option<String> {
        None
    }

    fn open<'a>(&'a self, _: &'a Location) -> BoxFuture<'a, Result<Arc<dyn Store>>> {
        Box::pin(async move {
            self.weather.thaw().await;
            Ok(Arc::new(self.clone()) as Arc<dyn Store>)
        })
    }
}

impl LogIdentity for Unreliable {
    fn log_id(&self) -> BoxFuture<'_, Result<LogId>> {
        self.inner.log_id()
    }

    fn renew_log_id(&self) -> BoxFuture<'_, Result<LogId>> {
        self.inner.renew_log_id()
    }
}

impl StoreHealth for Unreliable {
    fn check_writing(&self) -> BoxFuture<'_, Result<()>> {
        self.inner.check_writing()
    }
}

impl Schema for Unreliable {
    fn difference<'a>(&'a self, of: &'a [Table]) -> BoxFuture<'a, Result<SchemaDifference>> {
        self.inner.difference(of)
    }
}

impl Store for Unreliable {
    fn commit(&self, units: Arc<[Changes]>) -> BoxFuture<'_, Vec<Outcome>> {
        Box::pin(async move {
            let kept = match self.weather.pass_commit(&units).await {
                Ok(kept) => kept,
                Err(error) => return vec![Outcome::Unavailable(error.to_string()); units.len()],
            };
            let mut outcomes = self.inner.commit(Arc::from(&units[..kept])).await;
            outcomes.resize(units.len(), Outcome::Unavailable("the weather".into()));
            self.weather.pass_outcome().await;
            outcomes
        })
    }

    fn commits(&self) -> watch::Receiver<u64> {
        self.inner.commits()
    }

    fn watch(&self, watched: Vec<Watched>) -> CommitWatch {
        self.inner.watch(watched)
    }

    fn prepare<'a>(
        &'a self,
        tables: &'a [Table],
        registrations: &'a [GroupRegistration],
    ) -> BoxFuture<'a, Result<()>> {
        self.inner.prepare(tables, registrations)
    }

    fn known<'a>(
        &'a self,
        command: &'a str,
        key: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<KeyClaim>>> {
        self.inner.known(command, key, now)
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize>> {
        self.inner.sweep(now, limit)
    }

    fn forget<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<()>> {
        self.inner.forget(group)
    }

    fn destroy<'a>(&'a self, tables: &'a [Table]) -> BoxFuture<'a, Result<()>> {
        self.inner.destroy(tables)
    }
}

impl Log for Unreliable {
    fn stream<'a>(
        &'a self,
        stream: &'a Stream,
        from: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<protean::message::Recorded>>> {
        Box::pin(async move {
            self.weather.pass(40).await?;
            self.inner.stream(stream, from, limit).await
        })
    }

    fn lane(&self, read: LaneRead) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        Box::pin(async move {
            self.weather.pass_read(&read).await?;
            self.inner.lane(read).await
        })
    }

    fn lane_places(&self, read: LaneRead) -> BoxFuture<'_, Result<Vec<LogPlace>>> {
        Box::pin(async move {
            self.weather.pass_read(&read).await?;
            self.inner.lane_places(read).await
        })
    }

    fn find(&self, find: Find) -> BoxFuture<'_, Result<Vec<protean::message::Recorded>>> {
        self.inner.find(find)
    }

    fn streams<'a>(
        &'a self,
        category: &'a Category,
        after: Option<&'a Stream>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Stream>>> {
        self.inner.streams(category, after, limit)
    }

    fn stats(&self) -> BoxFuture<'_, Result<Vec<TypeStats>>> {
        self.inner.stats()
    }

    fn broken_streams(&self, limit: usize) -> BoxFuture<'_, Result<Vec<String>>> {
        self.inner.broken_streams(limit)
    }
}

impl Rows for Unreliable {
    fn fetch<'a>(&'a self, statement: &'a Statement) -> BoxFuture<'a, Result<Vec<String>>> {
        self.inner.fetch(statement)
    }

    fn row<'a>(&'a self, table: &'a Table, key: &'a str) -> BoxFuture<'a, Result<RowState>> {
        Box::pin(async move {
            self.weather.pass(40).await?;
            self.inner.row(table, key).await
        })
    }

    fn query<'a>(
        &'a self,
        table: &'a Table,
        query: &'a RowQuery,
    ) -> BoxFuture<'a, Result<Vec<RowState>>> {
        self.inner.query(table, query)
    }

    fn count<'a>(&'a self, table: &'a Table, query: &'a RowQuery) -> BoxFuture<'a, Result<u64>> {
        self.inner.count(table, query)
    }

    fn explain<'a>(
        &'a self,
        table: &'a Table,
        query: &'a RowQuery,
        wanted: Wanted,
    ) -> BoxFuture<'a, Result<String>> {
        self.inner.explain(table, query, wanted)
    }
}

impl Ledger for Unreliable {
    fn next<'a>(&'a self, group: &'a str, stream: &'a Stream) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            self.weather.pass(30).await?;
            self.inner.next(group, stream).await
        })
    }

    fn blocked<'a>(
        &'a self,
        group: &'a str,
        stream: &'a Stream,
        position: u64,
    ) -> BoxFuture<'a, Result<bool>> {
        self.inner.blocked(group, stream, position)
    }

    fn parked(&self, read: ParkedRead) -> BoxFuture<'_, Result<ParkedPage>> {
        Box::pin(async move {
            self.weather.pass(20).await?;
            self.inner.parked(read).await
        })
    }

    fn group_status<'a>(
        &'a self,
        group: &'a str,
        category: &'a Category,
    ) -> BoxFuture<'a, Result<GroupStatus>> {
        Box::pin(async move {
            self.weather.thaw().await;
            self.inner.group_status(group, category).await
        })
    }

    fn claim<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Option<Box<dyn Claim>>>> {
        Box::pin(async move {
            self.weather.pass(20).await?;
            let Some(held) = self.inner.claim(group).await? else { return Ok(None) };
            let left = self.notes.lock().unwrap().get(group).cloned().unwrap_or_default();
            let (group, notes) = (group.to_owned(), Arc::clone(&self.notes));
            let weather = Arc::clone(&self.weather);
            let held = Arc::from(held);
            Ok(Some(Box::new(Noted { held, group, notes, left, weather }) as Box<dyn Claim>))
        })
    }

    fn recall<'a>(
        &'a self,
        group: &'a str,
        category: &'a Category,
        positions: &'a [u64],
    ) -> BoxFuture<'a, Result<Vec<Delivery>>> {
        Box::pin(async move {
            self.weather.pass(10).await?;
            self.inner.recall(group, category, positions).await
        })
    }

    fn dead_letters(&self, read: DeadLetterRead) -> BoxFuture<'_, Result<Vec<DeadLetter>>> {
        self.inner.dead_letters(read)
    }
}

impl Parking for Unreliable {
    fn parked_note<'a>(
        &'a self,
        group: &'a str,
        position: u64,
    ) -> BoxFuture<'a, Result<Option<ParkedNote>>> {
        self.inner.parked_note(group, position)
    }
}

impl GroupNames for Unreliable {
    fn registered_groups(&self) -> BoxFuture<'_, Result<Vec<RegisteredGroup>>> {
        Box::pin(async move {
            self.weather.thaw().await;
            self.inner.registered_groups().await
        })
    }

    fn group_ids(&self) -> BoxFuture<'_, Result<GroupIds>> {
        self.inner.group_ids()
    }

    fn rename_group<'a>(&'a self, name: &'a str, to: &'a str) -> BoxFuture<'a, Result<()>> {
        self.inner.rename_group(name, to)
    }
}

impl CorrelatedEvents for Unreliable {
    fn correlations(&self) -> BoxFuture<'_, Result<Correlations>> {
        self.inner.correlations()
    }
}

impl Schedules for Unreliable {
    fn scheduled(&self, read: ScheduledRead) -> BoxFuture<'_, Result<Vec<Scheduled>>> {
        self.inner.scheduled(read)
    }

    fn is_pending(&self, work: PendingWork) -> BoxFuture<'_, Result<bool>> {
        self.inner.is_pending(work)
    }

    fn scheduled_under<'a>(&'a self, keys: &'a [&'a str]) -> BoxFuture<'a, Result<Vec<Scheduled>>> {
        self.inner.scheduled_under(keys)
    }

    fn schedule_account(&self) -> BoxFuture<'_, Result<ScheduleAccount>> {
        self.inner.schedule_account()
    }

    fn time(&self) -> BoxFuture<'_, Result<Option<Timestamp>>> {
        self.inner.time()
    }
}

impl IntakeTable for Unreliable {
    fn intake_rows(&self, read: IntakeRead) -> BoxFuture<'_, Result<Vec<IntakeRow>>> {
        self.inner.intake_rows(read)
    }

    fn intake_rejects(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<IntakeReject>>> {
        self.inner.intake_rejects(after, limit)
    }
}

impl Rebuilds for Unreliable {
    fn dependents<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        self.inner.dependents(table)
    }

    fn equip<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<()>> {
        self.inner.equip(swap)
    }

    fn swap<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<()>> {
        self.inner.swap(swap)
    }

    fn clear<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<bool>> {
        self.inner.clear(swap)
    }

    fn abandon<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<bool>> {
        self.inner.abandon(swap)
    }
}

/// A claim whose notes outlive the process that holds it.
struct Noted {
    held: Arc<dyn Claim>,
    group: String,
    notes: Arc<Mutex<HashMap<String, Vec<u64>>>>,
    left: Vec<u64>,
    weather: Arc<Weather>,
}

impl Claim for Noted {
    fn left(&self) -> &[u64] {
        &self.left
    }

    fn lost(&self) -> BoxFuture<'static, ()> {
        self.held.lost()
    }

    fn note(&self, positions: &[u64]) -> BoxFuture<'static, Result> {
        let (weather, held) = (Arc::clone(&self.weather), Arc::clone(&self.held));
        let (notes, group) = (Arc::clone(&self.notes), self.group.clone());
        let positions = positions.to_vec();
        Box::pin(async move {
            weather.pass_note().await?;
            // A note of a claim that is lost does not arrive: somebody else may have noted since.
            held.note(&positions).await?;
            notes.lock().unwrap().insert(group, positions);
            // One that has arrived may be thought lost.
            weather.pass(50).await
        })
    }
}
