//! The store in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::commit::{Committed, NO_SQL, commit};
use super::state::State;
use super::{dead_letters, find, intake, keys, ledger, log, rebuild, schedules};
use crate::message::{Category, Recorded, Stream, Table, Timestamp};
use crate::port::{
    BoxFuture, Changes, Claim, CommitNotice, CommitSignal, CommitWatch, CorrelatedEvents,
    Correlations, DeadLetter, DeadLetterRead, Delivery, Find, GroupIds, GroupNames,
    GroupRegistration, GroupStatus, IntakeRead, IntakeReject, IntakeRow, IntakeTable, KeyClaim,
    LaneRead, Ledger, Log, LogId, LogIdentity, LogPlace, Outcome, ParkedNote, ParkedPage,
    ParkedRead, Parking, PendingWork, Rebuilds, RegisteredGroup, RowQuery, RowState, Rows,
    ScheduleAccount, Scheduled, ScheduledRead, Schedules, Schema, SchemaDifference, Statement,
    Store, StoreHealth, TableSwap, TypeStats, Wanted, Watched,
};
use crate::{Error, Result};

/// A store in memory. Safe for concurrent use; commits last as long as the store. It has no
/// SQL, so it rejects units with statements.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    signal: CommitSignal,
    claims: Claims,
}

/// The claims that are held. A claim is lost once its sender is gone.
type Claims = Arc<Mutex<BTreeMap<String, watch::Sender<()>>>>;

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a claim away from its holder, as the end of a connection does elsewhere;
    /// false when nobody holds it.
    pub fn revoke_claim(&self, name: &str) -> bool {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        claims.remove(name).is_some()
    }

    /// A panic undoes the unit that is being written, so the state is valid even after one.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogIdentity for MemoryStore {
    fn log_id(&self) -> BoxFuture<'_, Result<LogId>> {
        Box::pin(async move { Ok(self.state().log_id.clone()) })
    }

    fn renew_log_id(&self) -> BoxFuture<'_, Result<LogId>> {
        Box::pin(async move { Ok(self.state().renew_log_id()) })
    }
}

impl StoreHealth for MemoryStore {
    fn check_writing(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Schema for MemoryStore {
    /// There is nothing that a person could change.
    fn difference<'a>(&'a self, _: &'a [Table]) -> BoxFuture<'a, Result<SchemaDifference>> {
        Box::pin(std::future::ready(Ok(SchemaDifference::default())))
    }
}

impl CorrelatedEvents for MemoryStore {
    fn correlations(&self) -> BoxFuture<'_, Result<Correlations>> {
        Box::pin(async move { Ok(self.state().correlations.clone()) })
    }
}

impl Schedules for MemoryStore {
    fn scheduled(&self, read: ScheduledRead) -> BoxFuture<'_, Result<Vec<Scheduled>>> {
        Box::pin(async move { Ok(schedules::read(&self.state(), &read)) })
    }

    fn is_pending(&self, work: PendingWork) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move { Ok(schedules::is_pending(&self.state(), &work)) })
    }

    fn scheduled_under<'a>(&'a self, keys: &'a [&'a str]) -> BoxFuture<'a, Result<Vec<Scheduled>>> {
        Box::pin(async move { Ok(schedules::under(&self.state(), keys)) })
    }

    fn schedule_account(&self) -> BoxFuture<'_, Result<ScheduleAccount>> {
        Box::pin(async move { Ok(schedules::account(&self.state())) })
    }

    fn time(&self) -> BoxFuture<'_, Result<Option<Timestamp>>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

impl IntakeTable for MemoryStore {
    fn intake_rows(&self, read: IntakeRead) -> BoxFuture<'_, Result<Vec<IntakeRow>>> {
        Box::pin(async move { Ok(intake::rows(&self.state(), &read)) })
    }

    fn intake_rejects(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<IntakeReject>>> {
        Box::pin(async move { Ok(intake::rejects(&self.state(), after, limit)) })
    }
}

impl Store for MemoryStore {
    fn commit(&self, units: Arc<[Changes]>) -> BoxFuture<'_, Vec<Outcome>> {
        Box::pin(async move {
            let Committed { outcomes, has_written } = commit(&mut self.state(), &units);
            if has_written {
                self.signal.announce(Some(&CommitNotice::of(units.iter().zip(&outcomes))));
            }
            outcomes
        })
    }

    fn commits(&self) -> watch::Receiver<u64> {
        self.signal.commits()
    }

    fn watch(&self, watched: Vec<Watched>) -> CommitWatch {
        self.signal.watch(watched)
    }

    fn prepare<'a>(
        &'a self,
        tables: &'a [Table],
        registrations: &'a [GroupRegistration],
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut state = self.state();
            state.tables.prepare(tables)?;
            ledger::register(&mut state, registrations);
            Ok(())
        })
    }

    fn known<'a>(
        &'a self,
        command: &'a str,
        key: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<KeyClaim>>> {
        Box::pin(async move { Ok(keys::known(&self.state(), command, key, now)) })
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize>> {
        Box::pin(async move { Ok(keys::sweep(&mut self.state(), now, limit)) })
    }

    fn forget<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            ledger::forget(&mut self.state(), group);
            Ok(())
        })
    }

    fn destroy<'a>(&'a self, _tables: &'a [Table]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            *self.state() = State::default();
            Ok(())
        })
    }
}

impl Log for MemoryStore {
    fn stream<'a>(
        &'a self,
        stream: &'a Stream,
        from: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>>> {
        Box::pin(async move { Ok(self.state().log.stream(stream, from, limit)) })
    }

    fn lane(&self, read: LaneRead) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        Box::pin(async move { Ok(log::lane(&self.state(), &read)) })
    }

    fn lane_places(&self, read: LaneRead) -> BoxFuture<'_, Result<Vec<LogPlace>>> {
        Box::pin(async move {
            let found = log::lane(&self.state(), &read);
            Ok(found.iter().map(|delivery| LogPlace::of(&delivery.recorded)).collect())
        })
    }

    fn streams<'a>(
        &'a self,
        category: &'a Category,
        after: Option<&'a Stream>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Stream>>> {
        Box::pin(async move { Ok(self.state().log.streams(category, after, limit)) })
    }

    fn broken_streams(&self, limit: usize) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(async move { Ok(self.state().log.broken(limit)) })
    }

    fn find(&self, find: Find) -> BoxFuture<'_, Result<Vec<Recorded>>> {
        Box::pin(async move { Ok(find::find(self.state().log.all(), &find)) })
    }

    fn stats(&self) -> BoxFuture<'_, Result<Vec<TypeStats>>> {
        Box::pin(async move { Ok(find::stats(self.state().log.all())) })
    }
}

impl Rows for MemoryStore {
    fn fetch<'a>(&'a self, _: &'a Statement) -> BoxFuture<'a, Result<Vec<String>>> {
        let refused = Error::misused(NO_SQL);
        Box::pin(std::future::ready(Err(refused)))
    }

    fn row<'a>(&'a self, table: &'a Table, key: &'a str) -> BoxFuture<'a, Result<RowState>> {
        Box::pin(async move { self.state().tables.row(table, key) })
    }

    fn query<'a>(
        &'a self,
        table: &'a Table,
        query: &'a RowQuery,
    ) -> BoxFuture<'a, Result<Vec<RowState>>> {
        Box::pin(async move { self.state().tables.query(table, query) })
    }

    fn count<'a>(&'a self, table: &'a Table, query: &'a RowQuery) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move { self.state().tables.count(table, query) })
    }

    fn explain<'a>(
        &'a self,
        table: &'a Table,
        query: &'a RowQuery,
        _: Wanted,
    ) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move { self.state().tables.explain(table, query) })
    }
}

impl Ledger for MemoryStore {
    fn next<'a>(&'a self, group: &'a str, stream: &'a Stream) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move { Ok(ledger::next(&self.state(), &group.into(), stream)) })
    }

    fn blocked<'a>(
        &'a self,
        group: &'a str,
        stream: &'a Stream,
        position: u64,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { Ok(ledger::blocked(&self.state(), group, stream, position)) })
    }

    fn parked(&self, read: ParkedRead) -> BoxFuture<'_, Result<ParkedPage>> {
        Box::pin(async move { Ok(ledger::parked(&self.state(), &read)) })
    }

    fn group_status<'a>(
        &'a self,
        group: &'a str,
        category: &'a Category,
    ) -> BoxFuture<'a, Result<GroupStatus>> {
        Box::pin(async move { Ok(ledger::status(&self.state(), group, category)) })
    }

    fn claim<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Option<Box<dyn Claim>>>> {
        Box::pin(async move {
            let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
            if claims.contains_key(group) {
                return Ok(None);
            }
            let (sender, held) = watch::channel(());
            claims.insert(group.to_owned(), sender);
            let claims = Arc::clone(&self.claims);
            Ok(Some(
                Box::new(GroupClaim { group: group.to_owned(), held, claims }) as Box<dyn Claim>
            ))
        })
    }

    fn recall<'a>(
        &'a self,
        group: &'a str,
        category: &'a Category,
        positions: &'a [u64],
    ) -> BoxFuture<'a, Result<Vec<Delivery>>> {
        Box::pin(async move { Ok(ledger::recall(&self.state(), group, category, positions)) })
    }

    fn dead_letters(&self, read: DeadLetterRead) -> BoxFuture<'_, Result<Vec<DeadLetter>>> {
        Box::pin(async move { Ok(dead_letters::read(&self.state(), &read)) })
    }
}

impl Parking for MemoryStore {
    fn parked_note<'a>(
        &'a self,
        group: &'a str,
        position: u64,
    ) -> BoxFuture<'a, Result<Option<ParkedNote>>> {
        Box::pin(async move { Ok(ledger::parked_note(&self.state(), group, position)) })
    }
}

impl GroupNames for MemoryStore {
    fn registered_groups(&self) -> BoxFuture<'_, Result<Vec<RegisteredGroup>>> {
        Box::pin(async move { Ok(ledger::registered_groups(&self.state())) })
    }

    fn group_ids(&self) -> BoxFuture<'_, Result<GroupIds>> {
        Box::pin(async move { Ok(self.state().group_ids.clone()) })
    }

    fn rename_group<'a>(&'a self, name: &'a str, to: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            rebuild::rename(&mut self.state(), name, to)?;
            self.signal.announce(None);
            Ok(())
        })
    }
}

impl Rebuilds for MemoryStore {
    fn dependents<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn equip<'a>(&'a self, _: &'a TableSwap) -> BoxFuture<'a, Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn swap<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            rebuild::swap(&mut self.state(), swap)?;
            self.signal.announce(None);
            Ok(())
        })
    }

    fn clear<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            rebuild::clear(&mut self.state(), swap);
            Ok(false)
        })
    }

    fn abandon<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            rebuild::abandon(&mut self.state(), swap);
            Ok(false)
        })
    }
}

/// A claim of a group, given up when dropped.
struct GroupClaim {
    group: String,
    held: watch::Receiver<()>,
    claims: Claims,
}

/// Notes nothing: the store does not outlive an abrupt end of the process.
impl Claim for GroupClaim {
    fn left(&self) -> &[u64] {
        &[]
    }

    fn lost(&self) -> BoxFuture<'static, ()> {
        let mut held = self.held.clone();
        Box::pin(async move { while held.changed().await.is_ok() {} })
    }

    fn note(&self, _: &[u64]) -> BoxFuture<'static, Result> {
        let lost = |_| Error::unavailable(format!("the claim of '{}' was lost", self.group));
        let held = self.held.has_changed().map(drop).map_err(lost);
        Box::pin(std::future::ready(held))
    }
}

impl Drop for GroupClaim {
    fn drop(&mut self) {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        // After a loss the name may be held anew.
        if claims.get(&self.group).is_some_and(|of| of.subscribe().same_channel(&self.held)) {
            claims.remove(&self.group);
        }
    }
}
