//! Facts of reading the log for a group: in lanes, and without a gap.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use protean_port::message::{Category, Id, Priority};
use protean_port::port::{At, Delivery, Forwarded, LaneRead, LogPlace, MessageRef, Store};
use protean_port::{Error, Result};
use tokio::task::JoinSet;

use super::sample::{
    ALL, OTHER, READER, account, accounts, bulk, commit_one, keep, lane_read, places, recorded,
    unit,
};

fn positions(deliveries: &[Delivery]) -> Vec<u64> {
    deliveries.iter().map(|delivery| delivery.recorded.position).collect()
}

async fn read(store: &dyn Store, read: LaneRead) -> Result<Vec<u64>> {
    let found = store.lane(read.clone()).await?;
    let places = found.iter().map(|delivery| LogPlace::of(&delivery.recorded));
    assert_eq!(store.lane_places(read).await?, Vec::from_iter(places));
    Ok(positions(&found))
}

/// Appends one message for each priority, to two streams in turn.
async fn written(store: &dyn Store, priorities: &[i32]) {
    for (number, priority) in priorities.iter().enumerate() {
        recorded(store, &account(&(number % 2).to_string()), Priority::new(*priority)).await;
    }
}

pub async fn higher_priorities_are_read_first(store: Arc<dyn Store>) -> Result {
    written(&*store, &[0, -100, 100, 0, 50, -100, 100, 3]).await;
    let deliveries = store.lane(lane_read(READER)).await?;
    assert_eq!(positions(&deliveries), [3, 7, 5, 8, 1, 4, 2, 6]);
    assert!(deliveries.iter().all(|delivery| !delivery.parked && delivery.attempts == 0));
    let whole = store.stream(&account("1"), 2, 1).await?;
    assert_eq!(deliveries[7].recorded, whole[0]);
    Ok(())
}

pub async fn any_integer_is_a_priority(store: Arc<dyn Store>) -> Result {
    written(&*store, &[i32::MIN, i32::MAX, 0, i32::MIN + 1, i32::MAX - 1]).await;
    assert_eq!(read(&*store, lane_read(READER)).await?, [2, 5, 3, 4, 1]);
    let lowest = (Priority::new(i32::MIN), Priority::new(i32::MIN));
    assert_eq!(read(&*store, LaneRead { range: lowest, ..lane_read(READER) }).await?, [1]);
    Ok(())
}

pub async fn a_read_keeps_to_its_range_and_category(store: Arc<dyn Store>) -> Result {
    written(&*store, &[-100, -50, -1, 0, 1, 50]).await;
    for name in ["fact::accoun", "fact::account:command", "fact::account2", "fact::account-"] {
        recorded(&*store, &Category::named(name).stream(&Id::from("0")), Priority::NORMAL).await;
    }
    for (lowest, highest, expected) in [
        (0, i32::MAX, vec![6, 5, 4]),
        (i32::MIN, -1, vec![3, 2, 1]),
        (-50, 0, vec![4, 3, 2]),
        (2, 49, vec![]),
        (1, 0, vec![]),
    ] {
        let range = (Priority::new(lowest), Priority::new(highest));
        assert_eq!(read(&*store, LaneRead { range, ..lane_read(READER) }).await?, expected);
    }
    let category = Category::named("fact::account:command");
    assert_eq!(read(&*store, LaneRead { category, ..lane_read(READER) }).await?, [8]);
    Ok(())
}

pub async fn a_read_keeps_to_its_limit(store: Arc<dyn Store>) -> Result {
    written(&*store, &[0, 0, 50, 50, -1]).await;
    let all = [3, 4, 1, 2, 5];
    for limit in 0..=6 {
        let found = read(&*store, LaneRead { limit, ..lane_read(READER) }).await?;
        assert_eq!(found, all[..limit.min(5)]);
    }
    Ok(())
}

pub async fn a_read_goes_on_after_what_was_read(store: Arc<dyn Store>) -> Result {
    written(&*store, &[0, 50, 0, 50, 0]).await;
    let after = |after: &[(i32, u64)]| {
        let after = after.iter().map(|(priority, at)| (Priority::new(*priority), *at)).collect();
        read(&*store, LaneRead { after, ..lane_read(READER) })
    };
    assert_eq!(after(&[(0, 1)]).await?, [2, 4, 3, 5]);
    assert_eq!(after(&[(0, 2), (50, 2)]).await?, [4, 3, 5]);
    assert_eq!(after(&[(50, 4), (0, 5), (7, 1)]).await?, [0_u64; 0]);
    recorded(&*store, &account("0"), Priority::HIGH).await;
    assert_eq!(after(&[(50, 4), (0, 5)]).await?, [6]);
    Ok(())
}

pub async fn a_position_read_earlier_than_the_cursor_does_not_count(
    store: Arc<dyn Store>,
) -> Result {
    written(&*store, &[0, 0, 0]).await;
    places(&commit_one(&*store, unit().mark(READER, Priority::NORMAL, At::UpTo(2))).await);
    let after = vec![(Priority::NORMAL, 1)];
    assert_eq!(read(&*store, LaneRead { after, ..lane_read(READER) }).await?, [3]);
    Ok(())
}

pub async fn a_delivery_tells_what_the_group_expects_next(store: Arc<dyn Store>) -> Result {
    written(&*store, &[0, 0, 0, 0]).await;
    places(&commit_one(&*store, unit().step(READER, &account("0"), 0)).await);
    let next = |deliveries: Vec<Delivery>| -> Vec<_> {
        deliveries.iter().map(|delivery| delivery.next).collect()
    };
    assert_eq!(next(store.lane(lane_read(READER)).await?), [1, 0, 1, 0]);
    assert_eq!(next(store.lane(lane_read(OTHER)).await?), [0, 0, 0, 0]);
    Ok(())
}

pub async fn settled_messages_are_left_out(store: Arc<dyn Store>) -> Result {
    written(&*store, &[0, 0, 50, 0, 0, 50]).await;
    let settled = unit()
        .mark(READER, Priority::NORMAL, At::UpTo(1))
        .mark(READER, Priority::NORMAL, At::Only(4))
        .mark(READER, Priority::HIGH, At::Only(6));
    places(&commit_one(&*store, settled).await);
    assert_eq!(read(&*store, lane_read(READER)).await?, [3, 2, 5]);
    // A limit counts what is delivered, not what is passed over.
    assert_eq!(read(&*store, LaneRead { limit: 3, ..lane_read(READER) }).await?, [3, 2, 5]);
    Ok(())
}

pub async fn groups_read_apart(store: Arc<dyn Store>) -> Result {
    written(&*store, &[0, 0]).await;
    let settled = unit().mark(READER, Priority::NORMAL, At::UpTo(2));
    places(&commit_one(&*store, settled.mark("reade", Priority::NORMAL, At::Only(1))).await);
    assert_eq!(read(&*store, lane_read(READER)).await?, [0_u64; 0]);
    assert_eq!(read(&*store, lane_read(OTHER)).await?, [1, 2]);
    assert_eq!(read(&*store, lane_read("reader2")).await?, [1, 2]);
    Ok(())
}

/// A store need not say it.
pub async fn what_is_open_to_others_is_what_they_recall(store: Arc<dyn Store>) -> Result {
    let mut messages = Vec::new();
    for stream in ["a", "a", "b", "a", "b"] {
        messages.push(recorded(&*store, &account(stream), Priority::NORMAL).await);
    }
    let parked = keep(READER, &MessageRef::from(&messages[1]), 2, None);
    let settled = unit().mark(READER, Priority::NORMAL, At::UpTo(2));
    let settled = settled.mark(READER, Priority::NORMAL, At::Only(5));
    places(&commit_one(&*store, settled.step(READER, &account("a"), 0).park(parked)).await);
    let groups = [READER, OTHER, "nobody"].map(Arc::<str>::from);
    let handed_on = store.lane_for(lane_read("relay"), &groups).await?;
    let deliveries = Vec::from_iter(handed_on.iter().map(|of| of.delivery.clone()));
    assert_eq!(deliveries, store.lane(lane_read("relay")).await?);
    for Forwarded { delivery, open } in handed_on {
        assert_eq!(open.len(), groups.len());
        for (group, next) in groups.iter().zip(open).filter(|(_, next)| next.is_some()) {
            let found = store.recall(group, &accounts(), &[delivery.recorded.position]).await?;
            assert_eq!(found, [Delivery { next: next.unwrap_or(0), ..delivery.clone() }]);
        }
    }
    Ok(())
}

pub async fn concurrent_commits_are_never_skipped(store: Arc<dyn Store>) -> Result {
    let mut writers = JoinSet::new();
    for writer in 0..6 {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            for number in 0..60 {
                let priority = Priority::new((number % 3 - 1) * 100);
                let stream = account(&(writer % 4).to_string());
                let draft = if number % 3 == 0 { bulk() } else { unit() };
                places(&commit_one(&*store, draft.append(&stream, priority)).await);
            }
        });
    }
    // Reads on from where it is, without ever looking back, as a server does.
    let mut after = BTreeMap::<Priority, u64>::new();
    let mut seen = BTreeSet::new();
    loop {
        let finished = writers.is_empty();
        let read = after.iter().map(|(priority, at)| (*priority, *at)).collect();
        let read = LaneRead { after: read, limit: 7, range: ALL, ..lane_read(READER) };
        let deliveries = store.lane(read).await?;
        for Delivery { recorded, .. } in &deliveries {
            let last = after.insert(recorded.message.priority, recorded.position);
            assert!(last.is_none_or(|last| last < recorded.position));
            assert!(seen.insert(recorded.position));
        }
        if finished && deliveries.is_empty() {
            break;
        }
        while let Some(writer) = writers.try_join_next() {
            writer.map_err(|panic| Error::failed(panic.to_string()))?;
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), (1..=360).collect::<Vec<_>>());
    Ok(())
}
