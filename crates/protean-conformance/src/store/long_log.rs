//! Facts of a log that is too long to be counted each time somebody looks.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::Priority;
use protean_port::port::{At, Start, Store};

use super::sample::{
    OTHER, READER, account, accounts, commit_all, commit_one, places, registration, unit,
};

/// No part of a power of two, so that a store that counts so many at once does so amid a unit.
const MESSAGES_PER_UNIT: usize = 97;

pub async fn a_long_log_is_counted_exactly(store: Arc<dyn Store>) -> Result {
    let mut log = Vec::new();
    for (group, messages) in [("early", 3_000), ("middle", 5_000), ("late", 5_100)] {
        append(&*store, &mut log, messages).await;
        store.prepare(&[], &[registration(group, Start::Head)]).await?;
        // What was appended last may be counted or not.
        check(&*store, &log, group, messages_of(&log)).await?;
    }
    append(&*store, &mut log, 700).await;
    for (group, start) in [(READER, 0), (OTHER, 0), ("early", 3_000), ("middle", 8_000)] {
        check(&*store, &log, group, start).await?;
    }
    let head = messages_of(&log);
    for position in [1, 2_999, 4_095, 4_096, 4_097, 8_192, 8_200, 13_000, head - 1, head] {
        for priority in [Priority::HIGH, Priority::NORMAL, Priority::BULK] {
            let settled = unit().mark(READER, priority, At::UpTo(position));
            places(&commit_one(&*store, settled).await);
            let found = store.group_status(READER, &accounts()).await?;
            let lane = found.lanes.iter().find(|lane| lane.priority == priority);
            let waiting = after(&log, position).filter(|of| **of == Some(priority)).count();
            assert_eq!(lane.map(|lane| lane.lag), Some(waiting as u64), "{priority} {position}");
        }
    }
    check(&*store, &log, READER, 0).await
}

fn messages_of(log: &[Option<Priority>]) -> u64 {
    log.len() as u64
}

/// The messages after a position: those of the tested category have their priority here.
fn after(log: &[Option<Priority>], position: u64) -> impl Iterator<Item = &Option<Priority>> {
    log.iter().skip(usize::try_from(position).unwrap_or(usize::MAX))
}

/// A few that are urgent, and every seventh message in another category.
async fn append(store: &dyn Store, log: &mut Vec<Option<Priority>>, messages: usize) {
    let (own, other) = (account("a"), accounts().commands().stream(&"a".into()));
    let mut units = Vec::new();
    let fresh: Vec<_> = (log.len()..log.len() + messages).map(priority).collect();
    for chunk in fresh.chunks(MESSAGES_PER_UNIT) {
        units.push(chunk.iter().fold(unit(), |unit, of| match of {
            Some(priority) => unit.append(&own, *priority),
            None => unit.append(&other, Priority::NORMAL),
        }));
    }
    for outcome in commit_all(store, units).await {
        places(&outcome);
    }
    log.extend(fresh);
}

fn priority(index: usize) -> Option<Priority> {
    match index {
        index if index.is_multiple_of(2_500) => Some(Priority::HIGH),
        index if index.is_multiple_of(7) => None,
        index if index.is_multiple_of(3) => Some(Priority::NORMAL),
        _ => Some(Priority::BULK),
    }
}

/// Compares with what a person would count.
async fn check(store: &dyn Store, log: &[Option<Priority>], group: &str, start: u64) -> Result {
    let found = store.group_status(group, &accounts()).await?;
    let expected = after(log, start).filter(|of| of.is_some()).count();
    assert_eq!(found.committed, expected as u64, "{group}");
    Ok(())
}
