//! Facts of parked and dead messages.

use std::sync::Arc;

use protean_core::Result;
use protean_core::message::{Priority, Recorded, Stream, Timestamp};
use protean_core::port::{Delivery, MessageRef, Park, ParkedPage, Store};

use super::sample::{
    Draft, OTHER, READER, account, accounts, assert_stale, at, commit_one, hold, keep, places,
    recorded, take, unit,
};

async fn written<const N: usize>(store: &dyn Store, stream: &Stream) -> [MessageRef; N] {
    let mut messages = Vec::new();
    for _ in 0..N {
        messages.push(MessageRef::from(&recorded(store, stream, Priority::NORMAL).await));
    }
    messages.try_into().unwrap_or_else(|_| panic!("there are as many as written"))
}

async fn apply(store: &dyn Store, draft: Draft) {
    places(&commit_one(store, draft).await);
}

async fn page(store: &dyn Store, now: i64, limit: usize) -> Result<(Vec<u64>, Option<Timestamp>)> {
    let ParkedPage { due, next_due } = store.parked(READER, &accounts(), at(now), limit).await?;
    Ok((due.iter().map(|delivery| delivery.recorded.position).collect(), next_due))
}

/// The numbers of parked and of dead messages.
async fn held(store: &dyn Store) -> Result<(u64, u64)> {
    let standing = store.standing(READER, &accounts()).await?;
    Ok((standing.parked(), standing.dead()))
}

pub async fn due_messages_come_longest_due_first(store: Arc<dyn Store>) -> Result {
    let stream = account("a");
    let [a, b, c, d, e] = written(&*store, &stream).await;
    let draft = unit()
        .park(keep(READER, &a, 1, Some(at(30))))
        .park(keep(READER, &d, 1, Some(at(20))))
        .park(keep(READER, &b, 1, Some(at(20))))
        .park(keep(READER, &c, 1, Some(at(-10))))
        .park(keep(READER, &e, 1, None));
    apply(&*store, draft).await;
    assert_eq!(page(&*store, 30, 10).await?, (vec![3, 2, 4, 1], None));
    assert_eq!(held(&*store).await?, (5, 0));
    Ok(())
}

pub async fn the_next_due_is_told(store: Arc<dyn Store>) -> Result {
    assert_eq!(page(&*store, 30, 10).await?, (vec![], None));
    let [a, b, c] = written(&*store, &account("a")).await;
    let draft = unit().park(keep(READER, &a, 1, Some(at(10)))).park(keep(READER, &c, 1, None));
    apply(&*store, draft.park(keep(READER, &b, 1, Some(at(20))))).await;
    assert_eq!(page(&*store, 9, 10).await?, (vec![], Some(at(10))));
    assert_eq!(page(&*store, 10, 10).await?, (vec![1], Some(at(20))));
    assert_eq!(page(&*store, 20, 10).await?, (vec![1, 2], None));
    assert_eq!(page(&*store, 20, 1).await?, (vec![1], Some(at(20))));
    assert_eq!(page(&*store, 20, 0).await?, (vec![], Some(at(10))));
    Ok(())
}

pub async fn a_parked_delivery_carries_its_attempts(store: Arc<dyn Store>) -> Result {
    let recorded: Recorded = recorded(&*store, &account("a"), Priority::BULK).await;
    let parked = keep(READER, &MessageRef::from(&recorded), 7, Some(at(1)));
    apply(&*store, unit().step(READER, &account("a"), 0).park(parked)).await;
    let found = store.parked(READER, &accounts(), at(1), 9).await?;
    let delivery = Delivery { recorded, next: 1, attempts: 7, parked: true };
    assert_eq!(found, ParkedPage { due: vec![delivery], next_due: None });
    let standing = store.standing(READER, &accounts()).await?;
    assert_eq!((standing.lanes[0].priority, standing.lanes[0].parked), (Priority::BULK, 1));
    Ok(())
}

pub async fn keeping_again_replaces(store: Arc<dyn Store>) -> Result {
    let [a] = written(&*store, &account("a")).await;
    for (attempts, due) in [(1, Some(at(10))), (2, Some(at(20))), (3, Some(at(5)))] {
        apply(&*store, unit().park(keep(READER, &a, attempts, due))).await;
        let found = store.parked(READER, &accounts(), at(100), 9).await?;
        assert_eq!(found.due.len(), 1);
        assert_eq!(found.due[0].attempts, attempts);
        assert_eq!(page(&*store, 0, 9).await?, (vec![], due));
        assert_eq!(held(&*store).await?, (1, 0));
    }
    apply(&*store, unit().park(keep(READER, &a, 3, None))).await;
    assert_eq!(page(&*store, 100, 9).await?, (vec![], None));
    assert_eq!(held(&*store).await?, (1, 0));
    Ok(())
}

pub async fn rejects_taking_what_is_not_parked(store: Arc<dyn Store>) -> Result {
    let [a, b] = written(&*store, &account("a")).await;
    assert_stale(&commit_one(&*store, unit().park(take(READER, &a))).await);
    apply(&*store, unit().park(keep(READER, &a, 1, Some(at(1))))).await;
    assert_stale(&commit_one(&*store, unit().park(take(READER, &b))).await);
    assert_stale(&commit_one(&*store, unit().park(take(OTHER, &a))).await);
    apply(&*store, unit().park(take(READER, &a))).await;
    assert_stale(&commit_one(&*store, unit().park(take(READER, &a))).await);
    assert_eq!((page(&*store, 9, 9).await?, held(&*store).await?), ((vec![], None), (0, 0)));
    // Taken and parked again in one unit, as a retry does it.
    let again = unit().park(keep(READER, &a, 1, Some(at(1)))).park(take(READER, &a));
    apply(&*store, again.park(keep(READER, &a, 2, Some(at(2))))).await;
    assert_eq!(page(&*store, 9, 9).await?, (vec![1], None));
    Ok(())
}

pub async fn a_released_stream_is_due(store: Arc<dyn Store>) -> Result {
    let [a, b, c] = written(&*store, &account("a")).await;
    let draft = unit().park(keep(READER, &a, 2, Some(at(50)))).park(keep(READER, &b, 0, None));
    apply(&*store, draft.park(keep(READER, &c, 1, None))).await;
    let release = Park::Release { group: READER.into(), stream: account("a"), due: at(10) };
    apply(&*store, unit().park(release)).await;
    let found = store.parked(READER, &accounts(), at(100), 9).await?;
    let found: Vec<_> =
        found.due.iter().map(|parked| (parked.recorded.position, parked.attempts)).collect();
    assert_eq!(found, [(2, 0), (3, 1), (1, 2)]);
    assert_eq!(page(&*store, 9, 9).await?, (vec![], Some(at(10))));
    Ok(())
}

pub async fn release_leaves_other_rows_alone(store: Arc<dyn Store>) -> Result {
    let [a] = written(&*store, &account("a")).await;
    let [ab] = written(&*store, &account("ab")).await;
    let [dead] = written(&*store, &account("a")).await;
    let draft = unit().park(keep(READER, &ab, 1, None)).park(keep(OTHER, &a, 1, None));
    apply(&*store, draft.bury(READER, dead)).await;
    let release =
        |group: &str| Park::Release { group: group.into(), stream: account("a"), due: at(10) };
    apply(&*store, unit().park(release(READER))).await;
    assert_eq!(page(&*store, 100, 9).await?, (vec![], None));
    assert_eq!(store.parked(OTHER, &accounts(), at(100), 9).await?, ParkedPage::default());
    apply(&*store, unit().park(release(OTHER))).await;
    assert_eq!(store.parked(OTHER, &accounts(), at(100), 9).await?.due.len(), 1);
    Ok(())
}

pub async fn an_earlier_parked_message_blocks(store: Arc<dyn Store>) -> Result {
    let stream = account("a");
    let [_, b, c] = written(&*store, &stream).await;
    assert!(!store.blocked(READER, &stream, 2).await?);
    apply(&*store, unit().park(keep(READER, &b, 1, Some(at(1))))).await;
    for (position, blocked) in [(0, false), (1, false), (2, true), (99, true)] {
        assert_eq!(store.blocked(READER, &stream, position).await?, blocked, "{position}");
    }
    assert!(!store.blocked(OTHER, &stream, 2).await?);
    assert!(!store.blocked(READER, &account("ab"), 2).await?);
    apply(&*store, unit().park(take(READER, &b)).park(keep(READER, &c, 0, None))).await;
    assert!(!store.blocked(READER, &stream, 2).await?);
    assert!(store.blocked(READER, &stream, 3).await?);
    Ok(())
}

pub async fn a_dead_message_blocks_and_is_not_parked(store: Arc<dyn Store>) -> Result {
    let stream = account("a");
    let [a, b] = written(&*store, &stream).await;
    let draft = unit().park(keep(READER, &a, 2, Some(at(1)))).park(keep(OTHER, &a, 2, Some(at(1))));
    apply(&*store, draft.park(keep(READER, &b, 0, None))).await;
    apply(&*store, unit().bury(READER, a.clone())).await;
    assert_eq!((page(&*store, 9, 9).await?, held(&*store).await?), ((vec![], None), (1, 1)));
    assert!(store.blocked(READER, &stream, 1).await?);
    assert!(!store.blocked(READER, &stream, 0).await?);
    assert_stale(&commit_one(&*store, unit().park(take(READER, &a))).await);
    assert_eq!(store.parked(OTHER, &accounts(), at(9), 9).await?.due.len(), 1);
    apply(&*store, unit().bury(READER, a)).await;
    assert_eq!(held(&*store).await?, (1, 1));
    Ok(())
}

pub async fn groups_and_categories_park_apart(store: Arc<dyn Store>) -> Result {
    let [a] = written(&*store, &account("a")).await;
    let [command] = written(&*store, &accounts().commands().stream(&"a".into())).await;
    let draft = unit().park(keep(READER, &a, 1, Some(at(1)))).park(keep(OTHER, &a, 2, Some(at(2))));
    apply(&*store, draft.park(keep(READER, &command, 3, Some(at(3))))).await;
    for (group, category, attempts) in
        [(READER, accounts(), 1), (OTHER, accounts(), 2), (READER, accounts().commands(), 3)]
    {
        let found = store.parked(group, &category, at(9), 9).await?;
        let found: Vec<_> = found.due.iter().map(|parked| parked.attempts).collect();
        assert_eq!(found, [attempts], "{group} {category}");
        assert_eq!(store.standing(group, &category).await?.parked(), 1);
    }
    Ok(())
}

pub async fn a_message_is_held_only_while_something_is_in_its_way(store: Arc<dyn Store>) -> Result {
    let [a, b, c] = written(&*store, &account("a")).await;
    assert_stale(&commit_one(&*store, unit().park(hold(READER, &b))).await);
    apply(&*store, unit().park(keep(READER, &a, 1, Some(at(50)))).park(hold(READER, &b))).await;
    let draft = unit().bury(READER, a).park(hold(READER, &c));
    apply(&*store, draft).await;
    assert_eq!((page(&*store, 100, 9).await?, held(&*store).await?), ((vec![], None), (2, 1)));
    Ok(())
}
