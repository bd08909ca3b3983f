//! Facts of the ledger: progress, counters, standing, and who reads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use protean_port::Result;
use protean_port::message::{Category, Priority};
use protean_port::port::{
    At, Counter, Delivery, GroupRegistration, GroupStatus, GroupVersions, MessageRef, Outcome,
    PriorityStatus, ProgramVersion, RegisteredGroup, Start, Store,
};

use super::sample::{
    OTHER, READER, account, accounts, assert_stale, at, commit_one, keep, places, recorded,
    registration, unit,
};

const NORMAL: Priority = Priority::NORMAL;
/// The maximum time until a released claim is free.
const WAIT_LIMIT: Duration = Duration::from_secs(10);

/// Where a group stands, its lanes from the highest priority down.
async fn group_status(store: &dyn Store, group: &str) -> Result<GroupStatus> {
    let mut standing = store.group_status(group, &accounts()).await?;
    standing.lanes.sort_by_key(|lane| std::cmp::Reverse(lane.priority));
    Ok(standing)
}

pub async fn an_unknown_stream_is_expected_from_its_start(store: Arc<dyn Store>) -> Result {
    assert_eq!(store.next(READER, &account("a")).await?, 0);
    assert_eq!(store.next("nobody", &account("a")).await?, 0);
    Ok(())
}

pub async fn progress_moves_by_one(store: Arc<dyn Store>) -> Result {
    for position in 0..3 {
        places(&commit_one(&*store, unit().step(READER, &account("a"), position)).await);
        assert_eq!(store.next(READER, &account("a")).await?, position + 1);
    }
    assert_eq!(store.next(OTHER, &account("a")).await?, 0);
    assert_eq!(store.next(READER, &account("b")).await?, 0);
    Ok(())
}

pub async fn rejects_a_move_from_elsewhere(store: Arc<dyn Store>) -> Result {
    let step = |position| unit().step(READER, &account("a"), position);
    assert_stale(&commit_one(&*store, step(1)).await);
    places(&commit_one(&*store, step(0)).await);
    for position in [0, 2, 99] {
        assert_stale(&commit_one(&*store, step(position)).await);
    }
    assert_eq!(store.next(READER, &account("a")).await?, 1);
    Ok(())
}

pub async fn one_of_many_concurrent_moves_wins(store: Arc<dyn Store>) -> Result {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(&store);
        let step = unit().step(READER, &account("a"), 0).count(READER, Counter::Handled, 1);
        tasks.spawn(async move { commit_one(&*store, step).await });
    }
    let outcomes = tasks.join_all().await;
    let won = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Committed(_))).count();
    let stale = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Stale(_))).count();
    assert_eq!((won, stale), (1, 7));
    assert_eq!(group_status(&*store, READER).await?.count(Counter::Handled), 1);
    Ok(())
}

pub async fn counts_add_up(store: Arc<dyn Store>) -> Result {
    let drafts = [
        unit().count(READER, Counter::Handled, 2).count(READER, Counter::Ignored, 1),
        unit().count(READER, Counter::Handled, 3).count(READER, Counter::Handled, 4),
        unit().count(READER, Counter::Duplicate, 1).count(OTHER, Counter::Purged, 9),
    ];
    for draft in drafts {
        places(&commit_one(&*store, draft).await);
    }
    let elsewhere = unit().count(READER, Counter::Expired, 7).with(|changes| {
        changes.counts[0].category = accounts().commands();
    });
    places(&commit_one(&*store, elsewhere).await);
    let counts = |standing: GroupStatus| Counter::ALL.map(|counter| standing.count(counter));
    assert_eq!(counts(group_status(&*store, READER).await?), [9, 1, 0, 0, 1]);
    assert_eq!(counts(group_status(&*store, OTHER).await?), [0, 0, 0, 9, 0]);
    let commands = store.group_status(READER, &accounts().commands()).await?;
    assert_eq!(counts(commands), [0, 0, 7, 0, 0]);
    Ok(())
}

pub async fn standing_tells_each_priority(store: Arc<dyn Store>) -> Result {
    assert_eq!(group_status(&*store, READER).await?, GroupStatus::default());
    let mut times = Vec::new();
    for priority in [0, 50, 0, -100, 0] {
        let recorded = recorded(&*store, &account("a"), Priority::new(priority)).await;
        times.push(Some(recorded.message.time));
    }
    recorded(&*store, &accounts().commands().stream(&"a".into()), NORMAL).await;
    let settled =
        unit().mark(READER, NORMAL, At::UpTo(1)).mark(READER, Priority::HIGH, At::UpTo(2));
    places(&commit_one(&*store, settled.count(READER, Counter::Handled, 2)).await);
    let lane = |priority, (lag, cursor, head): (u64, u64, u64), oldest| PriorityStatus {
        priority,
        lag,
        oldest,
        parked: 0,
        dead: 0,
        cursor,
        head,
    };
    let lanes = vec![
        lane(Priority::HIGH, (0, 2, 2), None),
        lane(NORMAL, (2, 1, 5), times[2]),
        lane(Priority::BULK, (1, 0, 4), times[3]),
    ];
    let counts = BTreeMap::from([(Counter::Handled, 2)]);
    let found = group_status(&*store, READER).await?;
    assert_eq!(found, GroupStatus { committed: 5, counts, lanes });
    assert!(found.closes());
    Ok(())
}

pub async fn standing_counts_what_was_settled_out_of_order(store: Arc<dyn Store>) -> Result {
    let mut messages = Vec::new();
    for _ in 0..6 {
        messages.push(MessageRef::from(&recorded(&*store, &account("a"), NORMAL).await));
    }
    let settled = unit()
        .mark(READER, NORMAL, At::UpTo(1))
        .mark(READER, NORMAL, At::Only(3))
        .mark(READER, NORMAL, At::Only(4))
        .mark(READER, NORMAL, At::Only(6))
        .count(READER, Counter::Handled, 1)
        .count(READER, Counter::Ignored, 1)
        .park(keep(READER, &messages[3], 1, Some(at(1))))
        .add_dead(READER, messages[5].clone());
    places(&commit_one(&*store, settled).await);
    let found = group_status(&*store, READER).await?;
    let lane = &found.lanes[0];
    assert_eq!((lane.lag, lane.parked, lane.dead, lane.cursor, lane.head), (2, 1, 1, 1, 6));
    assert_eq!((found.settled(), found.lag(), found.committed), (4, 2, 6));
    assert!(found.closes());
    Ok(())
}

pub async fn the_oldest_is_the_first_not_settled(store: Arc<dyn Store>) -> Result {
    let mut times = Vec::new();
    for _ in 0..4 {
        times.push(recorded(&*store, &account("a"), NORMAL).await.message.time);
    }
    let oldest =
        async || Ok::<_, protean_port::Error>(group_status(&*store, READER).await?.lanes[0].oldest);
    assert_eq!(oldest().await?, Some(times[0]));
    for (settled, expected) in
        [(2, Some(times[0])), (1, Some(times[2])), (3, Some(times[3])), (4, None)]
    {
        places(&commit_one(&*store, unit().mark(READER, NORMAL, At::Only(settled))).await);
        assert_eq!(oldest().await?, expected);
    }
    Ok(())
}

pub async fn a_group_nobody_enrolled_stands_at_the_beginning(store: Arc<dyn Store>) -> Result {
    recorded(&*store, &account("a"), NORMAL).await;
    let found = group_status(&*store, "stranger").await?;
    assert_eq!((found.committed, found.lag(), found.lanes[0].cursor), (1, 1, 0));
    assert!(found.closes());
    Ok(())
}

pub async fn a_claim_is_exclusive_until_it_is_dropped(store: Arc<dyn Store>) -> Result {
    let held = store.claim(READER).await?;
    assert!(held.is_some());
    assert!(store.claim(READER).await?.is_none());
    let other = store.claim(OTHER).await?;
    assert!(other.is_some());
    drop(held);
    let again = store.claim(READER).await?;
    assert!(again.is_some());
    assert!(store.claim(READER).await?.is_none());
    drop((other, again));
    let odd = store.claim("Fidelis.Account/../ä Handler::x").await?;
    assert!(odd.is_some());
    Ok(())
}

pub async fn a_claim_whose_caller_has_stopped_waiting_is_free(store: Arc<dyn Store>) -> Result {
    let mut claiming = store.claim(READER);
    drop((&mut claiming).now_or_never());
    // The claim is granted meanwhile, to a caller that does not take it.
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(claiming);
    let freed = async {
        while store.claim(READER).await?.is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    };
    tokio::time::timeout(WAIT_LIMIT, freed).await.expect("nobody holds it")
}

pub async fn nothing_is_left_of_a_claim_that_ended_properly(store: Arc<dyn Store>) -> Result {
    for noted in [&[7, 9, u64::MAX][..], &[1]] {
        let claim = store.claim(READER).await?.expect("nobody holds it");
        assert!(claim.left().is_empty());
        claim.note(noted).await?;
        claim.note(&[]).await?;
    }
    Ok(())
}

pub async fn recalls_what_is_parked_or_not_settled(store: Arc<dyn Store>) -> Result {
    let mut messages = Vec::new();
    for priority in [NORMAL, NORMAL, Priority::BULK, NORMAL, NORMAL] {
        messages.push(recorded(&*store, &account("a"), priority).await);
    }
    let parked = keep(READER, &MessageRef::from(&messages[1]), 2, None);
    let draft = unit().mark(READER, NORMAL, At::UpTo(2)).mark(READER, NORMAL, At::Only(5));
    places(&commit_one(&*store, draft.park(parked)).await);
    let positions = [99, 5, 4, 3, 2, 1, 4];
    let found = store.recall(READER, &accounts(), &positions).await?;
    let delivery = |index: usize, attempts, parked| {
        let recorded = messages[index].clone();
        Delivery { recorded, next: 0, attempts, parked }
    };
    assert_eq!(found, [delivery(1, 2, true), delivery(2, 0, false), delivery(3, 0, false)]);
    let others = store.recall(READER, &Category::named("fact::other"), &positions).await?;
    assert_eq!(others, []);
    let all = store.recall(OTHER, &accounts(), &positions).await?;
    assert_eq!(all.len(), 5);
    Ok(())
}

pub async fn every_group_that_was_enrolled_is_told(store: Arc<dyn Store>) -> Result {
    assert_eq!(store.registered_groups().await?, [registered(OTHER), registered(READER)]);
    Ok(())
}

pub async fn versions_of_a_program_are_kept_in_their_order(store: Arc<dyn Store>) -> Result {
    let version = |types: &[&str]| ProgramVersion {
        types: types.iter().copied().map(Into::into).collect(),
        ..ProgramVersion::default()
    };
    let [old, new] = [version(&["bank.Opened.v1"]), version(&["bank.Opened.v1", "bank.Closed.v1"])];
    for version in [&old, &new, &old] {
        let plain = registration(READER, Start::Beginning);
        let of_version = GroupRegistration { version: version.clone(), ..plain };
        store.prepare(&[], &[of_version]).await?;
    }
    let groups = store.registered_groups().await?;
    let of_reader = groups.iter().find(|of| of.group == READER);
    let versions = of_reader.map(|of| of.versions.clone()).unwrap_or_default();
    let closed = "bank.Closed.v1";
    assert_eq!([&old, &new].map(|own| versions.newer_takes(own, closed)), [true, false]);
    store.forget(READER).await?;
    store.prepare(&[], &[registration(READER, Start::Beginning)]).await?;
    assert_eq!(store.registered_groups().await?, [registered(OTHER), registered(READER)]);
    Ok(())
}

fn registered(group: &str) -> RegisteredGroup {
    RegisteredGroup {
        group: group.to_owned(),
        category: accounts(),
        versions: GroupVersions::default(),
    }
}

pub async fn forgetting_a_group_leaves_nothing_of_it(store: Arc<dyn Store>) -> Result {
    let a = MessageRef::from(&recorded(&*store, &account("a"), NORMAL).await);
    let b = MessageRef::from(&recorded(&*store, &account("b"), NORMAL).await);
    for group in [READER, OTHER] {
        let draft = unit().park(keep(group, &a, 1, Some(at(1)))).add_dead(group, b.clone());
        let draft = draft.mark(group, NORMAL, At::UpTo(1)).mark(group, NORMAL, At::Only(2));
        let draft = draft.step(group, &account("c"), 0).count(group, Counter::Handled, 4);
        places(&commit_one(&*store, draft).await);
    }
    let kept = group_status(&*store, OTHER).await?;
    store.forget(READER).await?;
    store.forget("stranger").await?;
    assert_eq!(store.registered_groups().await?, [registered(OTHER)]);
    let found = group_status(&*store, READER).await?;
    assert_eq!((found.lag(), found.parked(), found.dead(), found.settled()), (2, 0, 0, 0));
    assert_eq!(store.next(READER, &account("c")).await?, 0);
    assert!(!store.blocked(READER, &account("a"), 9).await?);
    assert_eq!(group_status(&*store, OTHER).await?, kept);
    assert_eq!(store.next(OTHER, &account("c")).await?, 1);
    assert_eq!(store.stream(&account("a"), 0, 9).await?.len(), 1, "the log stays");
    Ok(())
}
