//! A store whose groups and tables are called otherwise than in the database.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::sync::watch;

use super::{
    BoxFuture, Changes, Claim, CommitWatch, CorrelatedEvents, Correlations, DeadLetter,
    DeadLetterRead, Delivery, Find, GroupIds, GroupNames, GroupRegistration, GroupStatus,
    IntakeRead, IntakeReject, IntakeRow, IntakeTable, KeyClaim, LaneRead, Ledger, Log, LogId,
    LogIdentity, LogPlace, Outcome, ParkedNote, ParkedPage, ParkedRead, Parking, PendingWork,
    Rebuilds, RegisteredGroup, RowQuery, RowState, Rows, ScheduleAccount, Scheduled, ScheduledRead,
    Schedules, Schema, SchemaDifference, Statement, Store, StoreHealth, TableSwap, TypeStats,
    Wanted, Watched,
};
use crate::Result;
use crate::message::{Category, Recorded, Stream, Table, Timestamp};

/// Translates what a store is asked and what it answers.
pub trait StoreView: Send + Sync + 'static {
    /// The group in the ledger that is called this.
    fn group(&self, name: &str) -> String {
        name.to_owned()
    }

    /// What was registered, as it is called here.
    fn registered(&self, groups: Vec<RegisteredGroup>) -> Vec<RegisteredGroup> {
        groups
    }

    /// The table in the database that is called this; none when it has the same name there.
    fn table(&self, _: &Table) -> Option<Table> {
        None
    }

    /// A row of a table, as it is seen here.
    fn row(&self, _: &Table, row: RowState) -> RowState {
        row
    }

    /// Units, as they are to be applied.
    fn units(&self, units: Arc<[Changes]>) -> Arc<[Changes]>;
}

/// A store that is seen through a [`StoreView`].
pub struct ViewedStore<V> {
    store: Arc<dyn Store>,
    view: V,
}

impl<V: StoreView> ViewedStore<V> {
    /// Sees a store through this view.
    pub fn new(store: Arc<dyn Store>, view: V) -> Self {
        Self { store, view }
    }

    fn viewed<'a>(&self, table: &'a Table) -> Cow<'a, Table> {
        self.view.table(table).map_or(Cow::Borrowed(table), Cow::Owned)
    }
}

impl<V: StoreView> LogIdentity for ViewedStore<V> {
    fn log_id(&self) -> BoxFuture<'_, Result<LogId>> {
        self.store.log_id()
    }

    fn renew_log_id(&self) -> BoxFuture<'_, Result<LogId>> {
        self.store.renew_log_id()
    }
}

impl<V: StoreView> StoreHealth for ViewedStore<V> {
    fn check_writing(&self) -> BoxFuture<'_, Result<()>> {
        self.store.check_writing()
    }
}

impl<V: StoreView> Schema for ViewedStore<V> {
    fn difference<'a>(&'a self, of: &'a [Table]) -> BoxFuture<'a, Result<SchemaDifference>> {
        self.store.difference(of)
    }
}

impl<V: StoreView> CorrelatedEvents for ViewedStore<V> {
    fn correlations(&self) -> BoxFuture<'_, Result<Correlations>> {
        self.store.correlations()
    }
}

impl<V: StoreView> Schedules for ViewedStore<V> {
    fn scheduled(&self, read: ScheduledRead) -> BoxFuture<'_, Result<Vec<Scheduled>>> {
        self.store.scheduled(read)
    }

    fn is_pending(&self, work: PendingWork) -> BoxFuture<'_, Result<bool>> {
        self.store.is_pending(work)
    }

    fn scheduled_under<'a>(&'a self, keys: &'a [&'a str]) -> BoxFuture<'a, Result<Vec<Scheduled>>> {
        self.store.scheduled_under(keys)
    }

    fn schedule_account(&self) -> BoxFuture<'_, Result<ScheduleAccount>> {
        self.store.schedule_account()
    }

    fn time(&self) -> BoxFuture<'_, Result<Option<Timestamp>>> {
        self.store.time()
    }
}

impl<V: StoreView> IntakeTable for ViewedStore<V> {
    fn intake_rows(&self, read: IntakeRead) -> BoxFuture<'_, Result<Vec<IntakeRow>>> {
        self.store.intake_rows(read)
    }

    fn intake_rejects(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<IntakeReject>>> {
        self.store.intake_rejects(after, limit)
    }
}

impl<V: StoreView> Store for ViewedStore<V> {
    fn commit(&self, units: Arc<[Changes]>) -> BoxFuture<'_, Vec<Outcome>> {
        self.store.commit(self.view.units(units))
    }

    fn commits(&self) -> watch::Receiver<u64> {
        self.store.commits()
    }

    fn watch(&self, watched: Vec<Watched>) -> CommitWatch {
        self.store.watch(watched)
    }

    fn prepare<'a>(
        &'a self,
        tables: &'a [Table],
        registrations: &'a [GroupRegistration],
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let tables: Vec<Table> =
                tables.iter().map(|table| self.viewed(table).into_owned()).collect();
            let registered = |of: &GroupRegistration| GroupRegistration {
                group: self.view.group(&of.group),
                ..of.clone()
            };
            let registrations: Vec<_> = registrations.iter().map(registered).collect();
            self.store.prepare(&tables, &registrations).await
        })
    }

    fn known<'a>(
        &'a self,
        command: &'a str,
        key: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<KeyClaim>>> {
        self.store.known(command, key, now)
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize>> {
        self.store.sweep(now, limit)
    }

    fn forget<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.store.forget(&self.view.group(group)).await })
    }

    fn destroy<'a>(&'a self, tables: &'a [Table]) -> BoxFuture<'a, Result<()>> {
        self.store.destroy(tables)
    }
}

impl<V: StoreView> Log for ViewedStore<V> {
    fn stream<'a>(
        &'a self,
        stream: &'a Stream,
        from: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>>> {
        self.store.stream(stream, from, limit)
    }

    fn lane(&self, read: LaneRead) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        self.store.lane(LaneRead { group: self.view.group(&read.group), ..read })
    }

    fn lane_places(&self, read: LaneRead) -> BoxFuture<'_, Result<Vec<LogPlace>>> {
        self.store.lane_places(LaneRead { group: self.view.group(&read.group), ..read })
    }

    fn streams<'a>(
        &'a self,
        category: &'a Category,
        after: Option<&'a Stream>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Stream>>> {
        self.store.streams(category, after, limit)
    }

    fn broken_streams(&self, limit: usize) -> BoxFuture<'_, Result<Vec<String>>> {
        self.store.broken_streams(limit)
    }

    fn find(&self, find: Find) -> BoxFuture<'_, Result<Vec<Recorded>>> {
        self.store.find(find)
    }

    fn stats(&self) -> BoxFuture<'_, Result<Vec<TypeStats>>> {
        self.store.stats()
    }
}

impl<V: StoreView> Rows for ViewedStore<V> {
    fn row<'a>(&'a self, table: &'a Table, key: &'a str) -> BoxFuture<'a, Result<RowState>> {
        Box::pin(async move {
            let row = self.store.row(&self.viewed(table), key).await?;
            Ok(self.view.row(table, row))
        })
    }

    fn query<'a>(
        &'a self,
        table: &'a Table,
        query: &'a RowQuery,
    ) -> BoxFuture<'a, Result<Vec<RowState>>> {
        Box::pin(async move {
            let rows = self.store.query(&self.viewed(table), query).await?;
            Ok(rows.into_iter().map(|row| self.view.row(table, row)).collect())
        })
    }

    fn count<'a>(&'a self, table: &'a Table, query: &'a RowQuery) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move { self.store.count(&self.viewed(table), query).await })
    }

    fn explain<'a>(
        &'a self,
        table: &'a Table,
        query: &'a RowQuery,
        wanted: Wanted,
    ) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move { self.store.explain(&self.viewed(table), query, wanted).await })
    }

    fn fetch<'a>(&'a self, statement: &'a Statement) -> BoxFuture<'a, Result<Vec<String>>> {
        self.store.fetch(statement)
    }
}

impl<V: StoreView> Ledger for ViewedStore<V> {
    fn next<'a>(&'a self, group: &'a str, stream: &'a Stream) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move { self.store.next(&self.view.group(group), stream).await })
    }

    fn blocked<'a>(
        &'a self,
        group: &'a str,
        stream: &'a Stream,
        position: u64,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { self.store.blocked(&self.view.group(group), stream, position).await })
    }

    fn parked(&self, read: ParkedRead) -> BoxFuture<'_, Result<ParkedPage>> {
        self.store.parked(ParkedRead { group: self.view.group(&read.group), ..read })
    }

    fn group_status<'a>(
        &'a self,
        group: &'a str,
        category: &'a Category,
    ) -> BoxFuture<'a, Result<GroupStatus>> {
        Box::pin(async move { self.store.group_status(&self.view.group(group), category).await })
    }

    fn claim<'a>(&'a self, claim: &'a str) -> BoxFuture<'a, Result<Option<Box<dyn Claim>>>> {
        Box::pin(async move {
            match claim.split_once('@') {
                Some((group, rest)) => {
                    self.store.claim(&format!("{}@{rest}", self.view.group(group))).await
                }
                None => self.store.claim(claim).await,
            }
        })
    }

    fn recall<'a>(
        &'a self,
        group: &'a str,
        category: &'a Category,
        positions: &'a [u64],
    ) -> BoxFuture<'a, Result<Vec<Delivery>>> {
        Box::pin(
            async move { self.store.recall(&self.view.group(group), category, positions).await },
        )
    }

    fn dead_letters(&self, read: DeadLetterRead) -> BoxFuture<'_, Result<Vec<DeadLetter>>> {
        self.store.dead_letters(DeadLetterRead { group: self.view.group(&read.group), ..read })
    }
}

impl<V: StoreView> Parking for ViewedStore<V> {
    fn parked_note<'a>(
        &'a self,
        group: &'a str,
        position: u64,
    ) -> BoxFuture<'a, Result<Option<ParkedNote>>> {
        Box::pin(async move { self.store.parked_note(&self.view.group(group), position).await })
    }
}

impl<V: StoreView> GroupNames for ViewedStore<V> {
    fn registered_groups(&self) -> BoxFuture<'_, Result<Vec<RegisteredGroup>>> {
        Box::pin(async move { Ok(self.view.registered(self.store.registered_groups().await?)) })
    }

    fn group_ids(&self) -> BoxFuture<'_, Result<GroupIds>> {
        self.store.group_ids()
    }

    fn rename_group<'a>(&'a self, name: &'a str, to: &'a str) -> BoxFuture<'a, Result<()>> {
        self.store.rename_group(name, to)
    }
}

impl<V: StoreView> Rebuilds for ViewedStore<V> {
    fn dependents<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        self.store.dependents(table)
    }

    fn equip<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<()>> {
        self.store.equip(swap)
    }

    fn swap<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<()>> {
        self.store.swap(swap)
    }

    fn clear<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<bool>> {
        self.store.clear(swap)
    }

    fn abandon<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<bool>> {
        self.store.abandon(swap)
    }
}
