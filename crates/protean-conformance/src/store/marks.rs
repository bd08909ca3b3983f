//! Facts of marks: how a group's cursor moves, and what is settled beyond it.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::Priority;
use protean_port::port::{At, Outcome, PriorityStatus, Store};

use super::sample::{
    Draft, OTHER, READER, account, accounts, assert_stale, commit_one, lane_read, places, recorded,
    unit,
};

const NORMAL: Priority = Priority::NORMAL;

async fn written(store: &dyn Store, count: usize) {
    for _ in 0..count {
        recorded(store, &account("a"), NORMAL).await;
    }
}

async fn apply(store: &dyn Store, draft: Draft) {
    places(&commit_one(store, draft).await);
}

fn mark(at: At) -> Draft {
    unit().mark(READER, NORMAL, at)
}

/// The cursor, the lag and the open positions of the normal priority.
async fn open(store: &dyn Store) -> Result<(u64, u64, Vec<u64>)> {
    let standing = store.group_status(READER, &accounts()).await?;
    let of = |lane: &&PriorityStatus| lane.priority == NORMAL;
    let (cursor, lag) =
        standing.lanes.iter().find(of).map_or((0, 0), |lane| (lane.cursor, lane.lag));
    let read = store.lane(lane_read(READER)).await?;
    let normal = read.iter().filter(|delivery| delivery.recorded.message.priority == NORMAL);
    Ok((cursor, lag, normal.map(|delivery| delivery.recorded.position).collect()))
}

pub async fn up_to_moves_the_cursor(store: Arc<dyn Store>) -> Result {
    written(&*store, 5).await;
    apply(&*store, mark(At::UpTo(3))).await;
    assert_eq!(open(&*store).await?, (3, 2, vec![4, 5]));
    apply(&*store, mark(At::UpTo(5))).await;
    assert_eq!(open(&*store).await?, (5, 0, vec![]));
    Ok(())
}

pub async fn up_to_never_moves_back(store: Arc<dyn Store>) -> Result {
    written(&*store, 5).await;
    apply(&*store, mark(At::UpTo(4)).mark(READER, NORMAL, At::UpTo(2))).await;
    apply(&*store, mark(At::UpTo(1))).await;
    assert_eq!(open(&*store).await?, (4, 1, vec![5]));
    Ok(())
}

pub async fn up_to_forgets_the_marks_it_passes(store: Arc<dyn Store>) -> Result {
    written(&*store, 6).await;
    apply(&*store, mark(At::Only(2)).mark(READER, NORMAL, At::Only(5))).await;
    assert_eq!(open(&*store).await?, (0, 4, vec![1, 3, 4, 6]));
    apply(&*store, mark(At::UpTo(3))).await;
    assert_eq!(open(&*store).await?, (3, 2, vec![4, 6]));
    apply(&*store, mark(At::UpTo(5))).await;
    assert_eq!(open(&*store).await?, (5, 1, vec![6]));
    Ok(())
}

pub async fn only_settles_one_message(store: Arc<dyn Store>) -> Result {
    written(&*store, 3).await;
    apply(&*store, mark(At::Only(2))).await;
    assert_eq!(open(&*store).await?, (0, 2, vec![1, 3]));
    apply(&*store, mark(At::Only(2))).await;
    assert_eq!(open(&*store).await?, (0, 2, vec![1, 3]));
    Ok(())
}

pub async fn only_before_the_cursor_changes_nothing(store: Arc<dyn Store>) -> Result {
    written(&*store, 4).await;
    apply(&*store, mark(At::UpTo(2))).await;
    apply(&*store, mark(At::Only(1)).mark(READER, NORMAL, At::Only(2))).await;
    assert_eq!(open(&*store).await?, (2, 2, vec![3, 4]));
    Ok(())
}

pub async fn a_message_next_to_the_cursor_moves_it(store: Arc<dyn Store>) -> Result {
    written(&*store, 2).await;
    recorded(&*store, &account("a"), Priority::HIGH).await;
    written(&*store, 3).await;
    apply(&*store, mark(At::Only(1))).await;
    assert_eq!(open(&*store).await?, (1, 4, vec![2, 4, 5, 6]));
    apply(&*store, mark(At::Only(4))).await;
    assert_eq!(open(&*store).await?, (1, 3, vec![2, 5, 6]));
    apply(&*store, mark(At::First(2)).mark(READER, NORMAL, At::First(5))).await;
    assert_eq!(open(&*store).await?.2, [6]);
    apply(&*store, mark(At::UpTo(5)).mark(READER, NORMAL, At::First(6))).await;
    assert_eq!(open(&*store).await?, (6, 0, vec![]));
    Ok(())
}

pub async fn a_cursor_moves_on_over_what_was_settled_before(store: Arc<dyn Store>) -> Result {
    written(&*store, 3).await;
    recorded(&*store, &account("a"), Priority::HIGH).await;
    written(&*store, 3).await;
    apply(&*store, mark(At::Only(3)).mark(READER, NORMAL, At::Only(5))).await;
    apply(&*store, mark(At::First(2)).mark(READER, NORMAL, At::First(7))).await;
    assert_eq!(open(&*store).await?, (0, 2, vec![1, 6]));
    apply(&*store, mark(At::First(1))).await;
    assert_eq!(open(&*store).await?, (5, 1, vec![6]));
    apply(&*store, mark(At::Only(6))).await;
    assert_eq!(open(&*store).await?, (7, 0, vec![]));
    assert_stale(&commit_one(&*store, mark(At::First(7))).await);
    Ok(())
}

pub async fn first_settles_one_message_once(store: Arc<dyn Store>) -> Result {
    written(&*store, 4).await;
    apply(&*store, mark(At::First(3))).await;
    assert_eq!(open(&*store).await?, (0, 3, vec![1, 2, 4]));
    assert_stale(&commit_one(&*store, mark(At::First(3))).await);
    apply(&*store, mark(At::Only(2)).mark(OTHER, NORMAL, At::First(3))).await;
    assert_stale(&commit_one(&*store, mark(At::First(2))).await);
    let twice = mark(At::First(1)).mark(READER, NORMAL, At::First(1));
    assert_stale(&commit_one(&*store, twice).await);
    assert_eq!(open(&*store).await?, (0, 2, vec![1, 4]));
    Ok(())
}

pub async fn rejects_a_first_before_the_cursor(store: Arc<dyn Store>) -> Result {
    written(&*store, 3).await;
    apply(&*store, mark(At::UpTo(2))).await;
    for position in [1, 2] {
        assert_stale(&commit_one(&*store, mark(At::First(position))).await);
    }
    apply(&*store, mark(At::First(3))).await;
    assert_eq!(open(&*store).await?, (3, 0, vec![]));
    Ok(())
}

pub async fn one_of_many_concurrent_firsts_wins(store: Arc<dyn Store>) -> Result {
    written(&*store, 2).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { commit_one(&*store, mark(At::First(2))).await });
    }
    let outcomes = tasks.join_all().await;
    let won = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Committed(_))).count();
    let stale = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Stale(_))).count();
    assert_eq!((won, stale), (1, 7));
    assert_eq!(open(&*store).await?, (0, 1, vec![1]));
    Ok(())
}

pub async fn appended_next_to_the_cursor_moves_it(store: Arc<dyn Store>) -> Result {
    let settled = || unit().append(&account("a"), NORMAL).mark(READER, NORMAL, At::Appended(0));
    apply(&*store, settled()).await;
    assert_eq!(open(&*store).await?, (1, 0, vec![]));
    // What lies between is of another priority or category.
    recorded(&*store, &account("b"), Priority::HIGH).await;
    recorded(&*store, &accounts().commands().stream(&"b".into()), NORMAL).await;
    apply(&*store, settled()).await;
    assert_eq!(open(&*store).await?, (4, 0, vec![]));
    Ok(())
}

pub async fn appended_beyond_a_gap_is_settled_alone(store: Arc<dyn Store>) -> Result {
    written(&*store, 2).await;
    apply(&*store, mark(At::UpTo(1))).await;
    let settled = unit().append(&account("b"), NORMAL).mark(READER, NORMAL, At::Appended(0));
    apply(&*store, settled).await;
    assert_eq!(open(&*store).await?, (1, 1, vec![2]));
    apply(&*store, mark(At::UpTo(2))).await;
    assert_eq!(open(&*store).await?, (3, 0, vec![]));
    Ok(())
}

pub async fn several_appended_in_one_unit_are_settled(store: Arc<dyn Store>) -> Result {
    let three = || {
        let stream = account("a");
        unit().append(&stream, NORMAL).append(&stream, Priority::HIGH).append(&stream, NORMAL)
    };
    let in_order = three().mark(READER, NORMAL, At::Appended(0));
    apply(&*store, in_order.mark(READER, NORMAL, At::Appended(2))).await;
    assert_eq!(open(&*store).await?, (3, 0, vec![]));
    apply(&*store, three().mark(READER, NORMAL, At::Appended(2))).await;
    assert_eq!(open(&*store).await?, (3, 1, vec![4]));
    apply(&*store, three().mark(READER, Priority::HIGH, At::Appended(1))).await;
    assert_eq!(open(&*store).await?, (3, 3, vec![4, 7, 9]));
    Ok(())
}

pub async fn a_mark_counts_for_its_priority_alone(store: Arc<dyn Store>) -> Result {
    for priority in [NORMAL, Priority::HIGH, NORMAL, Priority::BULK] {
        recorded(&*store, &account("a"), priority).await;
    }
    apply(&*store, unit().mark(READER, Priority::HIGH, At::UpTo(4))).await;
    apply(&*store, unit().mark(READER, Priority::BULK, At::Only(4))).await;
    assert_eq!(open(&*store).await?, (0, 2, vec![1, 3]));
    let read = store.lane(lane_read(READER)).await?;
    assert!(read.iter().all(|delivery| delivery.recorded.message.priority == NORMAL));
    Ok(())
}
