//! A store beside the memory store: after the same random history both have the
//! same outcomes and tell the same of everything.

use std::future::Future;

use proptest::test_runner::{Config, TestCaseError, TestRunner};
use protean_port::Result;
use protean_port::memory::MemoryStore;
use protean_port::message::Priority;
use protean_port::port::{
    Changes, Find, LaneRead, Outcome, ParkedRead, RowChange, RowQuery, Store,
};

use super::history::{GROUPS, LATE, Operation, STREAMS, THINGS, drafts, histories};
use super::sample::{
    Draft, account, accounts, at, commit_all, lane_read, parked_read, registration, registrations,
    tables, things,
};
use super::subject::Subject;
use crate::runtime::runtime;

/// Runs random histories on fresh stores and on memory stores.
///
/// # Panics
/// When they differ, with the smallest history found that shows it.
pub fn agrees_with_the_memory_store<S: Future<Output = Subject>>(fresh: impl Fn() -> S) {
    let runtime = runtime();
    let compared = runner(64).run(&histories(), |history| {
        runtime.block_on(async {
            let subject = fresh().await;
            agree(&*subject.store(), &history).await.map_err(TestCaseError::fail)
        })
    });
    compared.unwrap_or_else(|difference| panic!("{difference}"));
}

/// A runner of this many cases that keeps no files and honours `PROPTEST_CASES`.
pub(crate) fn runner(cases: u32) -> TestRunner {
    let config = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { config.cases } else { cases };
    TestRunner::new(Config { cases, failure_persistence: None, max_shrink_iters: 2000, ..config })
}

async fn agree(store: &dyn Store, history: &[Operation]) -> Result<(), String> {
    let model = MemoryStore::new();
    for store in [store, &model] {
        read(store.prepare(&tables(), &registrations()).await)?;
    }
    for (number, step) in history.iter().enumerate() {
        let drafts = match step {
            Operation::Commit { bulk, units } => read(drafts(&model, *bulk, units).await)?,
            Operation::Enrol(start) => {
                for store in [store, &model] {
                    read(store.prepare(&[], &[registration(LATE, *start)]).await)?;
                }
                Vec::new()
            }
        };
        let found = commit_all(store, drafts.clone()).await;
        let expected = commit_all(&model, drafts.clone()).await;
        for (index, outcomes) in expected.iter().zip(&found).enumerate() {
            if !same_outcome(outcomes, &drafts[index]) {
                return Err(format!("unit {index} of step {number}: {outcomes:#?}"));
            }
        }
        let (expected, found) = (read(picture(&model).await)?, read(picture(store).await)?);
        if let Some((expected, found)) = expected.iter().zip(&found).find(|(one, two)| one != two) {
            return Err(format!("after step {number}\nexpected {expected}\n   found {found}"));
        }
    }
    Ok(())
}

fn read<T>(read: Result<T>) -> Result<T, String> {
    read.map_err(|error| format!("{error:?}"))
}

/// True when two outcomes say the same, whatever the words of their messages.
/// Where a unit may fail in several ways, any of them will do.
fn same_outcome((expected, found): (&Outcome, &Outcome), draft: &Draft) -> bool {
    match (expected, found) {
        (Outcome::Committed(one), Outcome::Committed(two)) => one == two,
        (Outcome::Committed(_) | Outcome::Dependent, _)
        | (_, Outcome::Committed(_) | Outcome::Dependent | Outcome::Unavailable(_)) => {
            expected == found
        }
        _ if ways_to_fail(&draft.0) > 1 => true,
        (Outcome::Stale(_), Outcome::Stale(_)) => true,
        (Outcome::Rejected(one), Outcome::Rejected(two)) => {
            one.iter().map(|(field, _)| field).eq(two.iter().map(|(field, _)| field))
        }
        (one, two) => one == two,
    }
}

fn ways_to_fail(changes: &Changes) -> usize {
    // A put may be stale, and break a unique column too.
    let of_row = |change: &RowChange| if matches!(change, RowChange::Put(_)) { 2 } else { 1 };
    let rows: usize = changes.rows.iter().map(|row| of_row(&row.change)).sum();
    let others = [changes.appends.len(), changes.keys.len(), changes.progress.len()];
    rows + others.iter().sum::<usize>() + changes.marks.len() + changes.parks.len()
}

/// Everything a store tells about a history, one answer a line.
async fn picture(store: &dyn Store) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for stream in STREAMS.map(account) {
        let messages = store.stream(&stream, 0, 10_000).await?;
        let messages = messages.iter().map(|at| (at.position, at.stream_position, &*at.message.id));
        lines.push(format!("{stream}: {:?}", messages.collect::<Vec<_>>()));
    }
    for key in THINGS {
        lines.push(format!("{key}: {:?}", store.row(&things(), key).await?));
    }
    lines.push(format!("rows: {:?}", store.query(&things(), &RowQuery::default()).await?));
    lines.push(format!("broken: {:?}", store.broken_streams(9).await?));
    let category = Some(accounts());
    for find in [Find::first(9), Find { category, ..Find::last(5) }] {
        let found = store.find(find).await?;
        lines.push(format!("found: {:?}", found.iter().map(|at| at.position).collect::<Vec<_>>()));
    }
    lines.push(format!("types: {:?}", store.stats().await?));
    for group in GROUPS {
        lines.extend(group_status(store, group).await?);
        lines.extend(order(store, group).await?);
        for (lowest, highest, limit) in
            [(i32::MIN, i32::MAX, 1000), (0, i32::MAX, 3), (-100, -1, 1000), (-100, 0, 2)]
        {
            let range = (Priority::new(lowest), Priority::new(highest));
            let deliveries = store.lane(LaneRead { range, limit, ..lane_read(group) }).await?;
            let deliveries = deliveries.iter().map(|open| (open.recorded.position, open.next));
            let deliveries: Vec<_> = deliveries.collect();
            lines.push(format!("{group} {lowest}..={highest}, {limit}: {deliveries:?}"));
        }
    }
    Ok(lines)
}

async fn group_status(store: &dyn Store, group: &str) -> Result<Vec<String>> {
    let mut standing = store.group_status(group, &accounts()).await?;
    // A counter that is 0 may be missing.
    standing.counts.retain(|_, count| *count > 0);
    standing.lanes.sort_by_key(|lane| lane.priority);
    let mut lines = vec![format!("{group}: {standing:?}")];
    for (lowest, now, limit) in
        [(i32::MIN, -1, 9), (-100, 4, 1), (0, 4, 1), (i32::MIN, 4, 1000), (0, 100, 1000)]
    {
        let range = (Priority::new(lowest), Priority::new(i32::MAX));
        let page = store.parked(ParkedRead { range, ..parked_read(group, at(now), limit) }).await?;
        let due =
            page.due.iter().map(|parked| (parked.recorded.position, parked.next, parked.attempts));
        let due: Vec<_> = due.collect();
        let next = page.next_due;
        lines.push(format!("{group} parked {lowest}, {now}, {limit}: {due:?}, next {next:?}"));
    }
    Ok(lines)
}

async fn order(store: &dyn Store, group: &str) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for stream in STREAMS.map(account) {
        let mut blocked = Vec::new();
        for position in 0..4 {
            blocked.push(store.blocked(group, &stream, position).await?);
        }
        let next = store.next(group, &stream).await?;
        lines.push(format!("{group} in {stream}: next {next}, blocked {blocked:?}"));
    }
    Ok(lines)
}
