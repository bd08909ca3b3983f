//! Commits what an operator changes together with the record of the operation.
//!
//! ```text
//! letters ─▶ one unit for many ─▶ commit ─┬▶ committed    counted
//!              ▲                          └▶ left out     one of them is not as it was any more
//!              └──────── in halves ◀──────────────┘       (replayed, purged, sent again meanwhile)
//! ```

use std::collections::VecDeque;

use protean_core::domain::Domain;
use protean_core::handling::{OperationLog, Operator};
use protean_port::message::{Lane, Timestamp};
use protean_port::port::{Changes, Outcome, Store};
use protean_port::{Error, Result};

use crate::commit::commit_each;

/// How many dead letters one transaction takes: it stays as short as other bulk work.
pub(crate) const UNIT_LETTERS: usize = 100;

/// Commits the changes of dead letters, with a record where an operator made them. Answers how many
/// letters were changed; the others came too late.
///
/// # Errors
/// When the store cannot be written; what was changed by then is, and is recorded.
pub(crate) async fn commit_letters(
    store: &dyn Store,
    log: &mut Option<OperationLog>,
    changes: Vec<Changes>,
    now: Timestamp,
) -> Result<u64> {
    match log {
        Some(log) => commit_recorded(store, log, changes, now).await,
        None => commit_each(store, changes.into()).await,
    }
}

/// Commits the changes of dead letters, many in one unit, each unit with its event. Answers how
/// many letters were changed; the others came too late.
///
/// # Errors
/// When the store cannot be written; what was changed by then is, and is recorded.
async fn commit_recorded(
    store: &dyn Store,
    log: &mut OperationLog,
    changes: Vec<Changes>,
    now: Timestamp,
) -> Result<u64> {
    let mut open: VecDeque<Vec<Changes>> =
        changes.chunks(UNIT_LETTERS).map(<[Changes]>::to_vec).collect();
    let mut changed = 0;
    while let Some(mut part) = open.pop_front() {
        let count = part.len() as u64;
        let mut unit = merged(&part);
        unit.appends.push(log.append(count, now));
        match store.commit([unit].into()).await.pop() {
            Some(Outcome::Committed(_)) => {
                log.committed();
                changed += count;
            }
            Some(Outcome::Unavailable(reason)) => return Err(Error::unavailable(reason)),
            _ if part.len() > 1 => {
                let half = part.split_off(part.len() / 2);
                open.push_front(half);
                open.push_front(part);
            }
            _ => {}
        }
    }
    Ok(changed)
}

/// Records what an operator has done in a way that is no unit of work, such as renaming a group, in
/// the category `<domain>::operations`: after it, so an abrupt end between the two leaves no event.
///
/// # Errors
/// When the store cannot be written; what was done is.
pub async fn record_operation(
    domain: &Domain,
    by: &Operator,
    action: &'static str,
    filter: impl IntoIterator<Item = (&'static str, String)>,
    count: u64,
) -> Result {
    let log = OperationLog::begin(domain.name(), by, action, filter);
    let mut unit = Changes::new(Lane::Backfill);
    unit.appends.push(log.append(count, domain.clock().now()));
    match domain.store().await?.commit([unit].into()).await.pop() {
        Some(Outcome::Committed(_)) => Ok(()),
        Some(Outcome::Unavailable(reason)) => Err(Error::unavailable(reason)),
        outcome => Err(Error::failed(format!("the event was not appended: {outcome:?}"))),
    }
}

/// The changes of several dead letters as one unit.
fn merged(parts: &[Changes]) -> Changes {
    let mut unit = Changes::new(Lane::Backfill);
    for part in parts {
        unit.keys.extend_from_slice(&part.keys);
        unit.progress.extend_from_slice(&part.progress);
        unit.parks.extend_from_slice(&part.parks);
        unit.dead.extend_from_slice(&part.dead);
        unit.counts.extend_from_slice(&part.counts);
    }
    unit
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protean_core::handling::{Operation, OperationLog, Operator, operations};
    use protean_port::memory::MemoryStore;
    use protean_port::message::{Lane, Timestamp};
    use protean_port::port::{Changes, Dead, Find, Log, MessageRef};

    use super::commit_recorded;
    use crate::sample;

    /// The changes of a letter that is not dead any more.
    fn late() -> Changes {
        let message = MessageRef::from(&sample::delivery(7).recorded);
        let mut changes = Changes::new(Lane::Backfill);
        changes.dead.push(Dead::Take { group: Arc::from("bank.Mailer"), message });
        changes
    }

    #[tokio::test]
    async fn letters_that_are_gone_hold_up_no_others_and_are_not_counted() {
        let store = MemoryStore::new();
        let mut log = OperationLog::begin("bank", &Operator::named("ann"), "replay", []);
        let parts: Vec<_> = (0..250)
            .map(|number| if number % 97 == 5 { late() } else { Changes::new(Lane::Backfill) })
            .collect();
        let changed = commit_recorded(&store, &mut log, parts, Timestamp::default()).await;
        assert_eq!(changed.unwrap(), 247);
        let find = Find { category: Some(operations("bank")), ..Find::first(100) };
        let found = store.find(find).await.unwrap();
        let streams: Vec<_> = found.iter().map(|of| of.message.stream.as_str()).collect();
        assert!(streams.iter().all(|stream| *stream == streams[0]), "one operation: {streams:?}");
        let counts = found
            .iter()
            .map(|of| serde_json::from_str::<Operation>(&of.message.data).unwrap().count);
        assert_eq!(counts.sum::<u64>(), 247);
    }
}
