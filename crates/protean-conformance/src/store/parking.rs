//! Facts of parked and dead messages.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{Priority, Recorded, Stream, Timestamp};
use protean_port::port::{
    Delivery, MessageRef, Park, ParkedNote, ParkedPage, ParkedRead, Start, Store,
};

use super::sample::{
    Draft, OTHER, READER, account, accounts, assert_stale, at, commit_one, hold, keep, parked_read,
    places, recorded, registration, take, unit,
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
    let ParkedPage { due, next_due } = store.parked(parked_read(READER, at(now), limit)).await?;
    Ok((due.iter().map(|delivery| delivery.recorded.position).collect(), next_due))
}

/// The numbers of parked and of dead messages.
async fn held(store: &dyn Store) -> Result<(u64, u64)> {
    let standing = store.group_status(READER, &accounts()).await?;
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

pub async fn parked_messages_are_read_by_priority_range(store: Arc<dyn Store>) -> Result {
    let mut draft = unit();
    for (priority, due) in [(-100, 1), (0, 30), (50, 20), (-100, 2), (0, 10), (7, 5)] {
        let recorded = recorded(&*store, &account("a"), Priority::new(priority)).await;
        draft = draft.park(keep(READER, &MessageRef::from(&recorded), 1, Some(at(due))));
    }
    let held = recorded(&*store, &account("a"), Priority::CRITICAL).await;
    apply(&*store, draft.park(keep(READER, &MessageRef::from(&held), 1, None))).await;
    let none: &[u64] = &[];
    for (range, now, limit, due, next_due) in [
        ((0, 100), 100, 9, &[6, 5, 3, 2][..], None),
        ((0, 100), 15, 9, &[6, 5], Some(20)),
        ((0, 100), 100, 3, &[6, 5, 3], Some(30)),
        ((0, 7), 9, 9, &[6], Some(10)),
        ((-100, -1), 1, 9, &[1], Some(2)),
        ((-100, 0), 100, 3, &[1, 4, 5], Some(30)),
        ((-100, -100), 0, 9, none, Some(1)),
        ((-99, -1), 100, 9, none, None),
        ((100, 100), 100, 9, none, None),
        ((i32::MIN, i32::MAX), 100, 9, &[1, 4, 6, 5, 3, 2], None),
    ] {
        let (lowest, highest) = range;
        let range = (Priority::new(lowest), Priority::new(highest));
        let page =
            store.parked(ParkedRead { range, ..parked_read(READER, at(now), limit) }).await?;
        let found: Vec<_> = page.due.iter().map(|parked| parked.recorded.position).collect();
        assert_eq!((&*found, page.next_due), (due, next_due.map(at)), "{range:?} {now} {limit}");
    }
    Ok(())
}

pub async fn a_parked_delivery_carries_its_attempts(store: Arc<dyn Store>) -> Result {
    let recorded: Recorded = recorded(&*store, &account("a"), Priority::BULK).await;
    let parked = keep(READER, &MessageRef::from(&recorded), 7, Some(at(1)));
    apply(&*store, unit().step(READER, &account("a"), 0).park(parked)).await;
    let found = store.parked(parked_read(READER, at(1), 9)).await?;
    let delivery = Delivery { recorded, next: 1, attempts: 7, parked: true };
    assert_eq!(found, ParkedPage { due: vec![delivery], next_due: None });
    let standing = store.group_status(READER, &accounts()).await?;
    assert_eq!((standing.lanes[0].priority, standing.lanes[0].parked), (Priority::BULK, 1));
    Ok(())
}

pub async fn a_note_says_why_a_message_is_parked_and_until_when(store: Arc<dyn Store>) -> Result {
    let [a, b, c] = written(&*store, &account("a")).await;
    let kept = unit().park(keep(READER, &a, 7, Some(at(-3)))).park(hold(READER, &b));
    apply(&*store, kept).await;
    let note =
        |attempts, due, reason: &str| Some(ParkedNote { attempts, due, reason: reason.to_owned() });
    let failed = note(7, Some(at(-3)), "it failed");
    assert_eq!(store.parked_note(READER, a.position).await?, failed);
    assert_eq!(store.parked_note(READER, b.position).await?, note(0, None, "it waits"));
    assert_eq!(store.parked_note(READER, c.position).await?, None);
    assert_eq!(store.parked_note(OTHER, a.position).await?, None);
    apply(&*store, unit().park(take(READER, &a))).await;
    assert_eq!(store.parked_note(READER, a.position).await?, None);
    Ok(())
}

pub async fn keeping_again_replaces(store: Arc<dyn Store>) -> Result {
    let [a] = written(&*store, &account("a")).await;
    for (attempts, due) in [(1, Some(at(10))), (2, Some(at(20))), (3, Some(at(5)))] {
        apply(&*store, unit().park(keep(READER, &a, attempts, due))).await;
        let found = store.parked(parked_read(READER, at(100), 9)).await?;
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
    let found = store.parked(parked_read(READER, at(100), 9)).await?;
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
    apply(&*store, draft.add_dead(READER, dead)).await;
    let release =
        |group: &str| Park::Release { group: group.into(), stream: account("a"), due: at(10) };
    apply(&*store, unit().park(release(READER))).await;
    assert_eq!(page(&*store, 100, 9).await?, (vec![], None));
    assert_eq!(store.parked(parked_read(OTHER, at(100), 9)).await?, ParkedPage::default());
    apply(&*store, unit().park(release(OTHER))).await;
    assert_eq!(store.parked(parked_read(OTHER, at(100), 9)).await?.due.len(), 1);
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
    apply(&*store, unit().add_dead(READER, a.clone())).await;
    assert_eq!((page(&*store, 9, 9).await?, held(&*store).await?), ((vec![], None), (1, 1)));
    assert!(store.blocked(READER, &stream, 1).await?);
    assert!(!store.blocked(READER, &stream, 0).await?);
    assert_stale(&commit_one(&*store, unit().park(take(READER, &a))).await);
    assert_eq!(store.parked(parked_read(OTHER, at(9), 9)).await?.due.len(), 1);
    apply(&*store, unit().add_dead(READER, a)).await;
    assert_eq!(held(&*store).await?, (1, 1));
    Ok(())
}

pub async fn a_skipped_dead_message_is_in_nobodys_way(store: Arc<dyn Store>) -> Result {
    let stream = account("a");
    let [a, b, c, d] = written(&*store, &stream).await;
    apply(&*store, unit().add_dead(READER, a)).await;
    assert!(store.blocked(READER, &stream, 1).await?);
    apply(&*store, unit().step(READER, &stream, 0)).await;
    for position in 0..4 {
        assert!(!store.blocked(READER, &stream, position).await?, "{position}");
    }
    assert_stale(&commit_one(&*store, unit().park(hold(READER, &b))).await);
    // What is parked behind it is in the way, until the group moves past that as well.
    let draft = unit().park(keep(READER, &b, 1, Some(at(50)))).park(hold(READER, &c));
    apply(&*store, draft).await;
    assert!(store.blocked(READER, &stream, 2).await?);
    assert!(!store.blocked(READER, &stream, 1).await?);
    let past = unit().step(READER, &stream, 1).step(READER, &stream, 2).park(hold(READER, &d));
    assert_stale(&commit_one(&*store, past).await);
    assert!(store.blocked(READER, &stream, 3).await?);
    Ok(())
}

pub async fn a_group_from_the_head_is_not_held_by_what_was_before(store: Arc<dyn Store>) -> Result {
    let stream = account("a");
    let [a, b, c] = written(&*store, &stream).await;
    store.prepare(&[], &[registration("late", Start::Head)]).await?;
    let [d] = written(&*store, &stream).await;
    apply(&*store, unit().add_dead("late", a).park(keep("late", &b, 1, Some(at(1))))).await;
    assert!(!store.blocked("late", &stream, 3).await?);
    assert_stale(&commit_one(&*store, unit().park(hold("late", &d))).await);
    apply(&*store, unit().park(keep("late", &d, 1, Some(at(1)))).add_dead("late", c)).await;
    assert!(!store.blocked("late", &stream, 3).await?);
    assert!(store.blocked("late", &stream, 4).await?);
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
        let found = store
            .parked(ParkedRead { category: category.clone(), ..parked_read(group, at(9), 9) })
            .await?;
        let found: Vec<_> = found.due.iter().map(|parked| parked.attempts).collect();
        assert_eq!(found, [attempts], "{group} {category}");
        assert_eq!(store.group_status(group, &category).await?.parked(), 1);
    }
    Ok(())
}

pub async fn a_message_is_held_only_while_something_is_in_its_way(store: Arc<dyn Store>) -> Result {
    let [a, b, c] = written(&*store, &account("a")).await;
    assert_stale(&commit_one(&*store, unit().park(hold(READER, &b))).await);
    apply(&*store, unit().park(keep(READER, &a, 1, Some(at(50)))).park(hold(READER, &b))).await;
    let draft = unit().add_dead(READER, a).park(hold(READER, &c));
    apply(&*store, draft).await;
    assert_eq!((page(&*store, 100, 9).await?, held(&*store).await?), ((vec![], None), (2, 1)));
    Ok(())
}
