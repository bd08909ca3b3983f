//! Facts of schedules: messages that wait for their time.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{Extensions, Priority, Timestamp};
use protean_port::port::{
    Counter, PendingWork, Schedule, ScheduleAccount, Scheduled, ScheduledRead, Store,
};

use super::sample::{
    Draft, account, assert_stale, at, commit, commit_one, message, metadata, places, traceparent,
    unit,
};

fn scheduled(key: &str, priority: Priority, seconds: i64) -> Scheduled {
    let message = message(&account(key), priority);
    Scheduled { key: key.into(), due: at(seconds), message }
}

fn keep(scheduled: &Scheduled) -> Draft {
    schedule(Schedule::Keep(Box::new(scheduled.clone())))
}

fn schedule(schedule: Schedule) -> Draft {
    unit().with(|changes| changes.schedules.push(schedule))
}

async fn kept(store: &dyn Store, all: &[Scheduled]) {
    for scheduled in all {
        places(&commit_one(store, keep(scheduled)).await);
    }
}

async fn due(store: &dyn Store, seconds: i64, limit: usize) -> Result<Vec<String>> {
    keys(store, ScheduledRead::due(at(seconds), Priority::ALL, limit)).await
}

async fn keys(store: &dyn Store, read: ScheduledRead) -> Result<Vec<String>> {
    Ok(store.scheduled(read).await?.into_iter().map(|of| of.key.to_string()).collect())
}

/// Takes this message out.
fn take(of: &Scheduled) -> Schedule {
    let (key, id) = (Arc::clone(&of.key), Arc::clone(&of.message.id));
    Schedule::Take { key, id, counter: Counter::Moved }
}

const NORMAL: Priority = Priority::NORMAL;

pub async fn what_is_urgent_and_due_first_comes_first(store: Arc<dyn Store>) -> Result {
    let all = [
        scheduled("late", NORMAL, 9),
        scheduled("bulk", Priority::BULK, 1),
        scheduled("b", NORMAL, 5),
        scheduled("a", NORMAL, 5),
        scheduled("high", Priority::HIGH, 7),
        scheduled("first", NORMAL, 2),
    ];
    kept(&*store, &all).await;
    assert_eq!(due(&*store, 0, 9).await?, [""; 0]);
    assert_eq!(due(&*store, 5, 9).await?, ["first", "a", "b", "bulk"]);
    assert_eq!(due(&*store, 9, 9).await?, ["high", "first", "a", "b", "late", "bulk"]);
    assert_eq!(due(&*store, 9, 2).await?, ["high", "first"]);
    let bulk = ScheduledRead::due(at(9), (Priority::ALL.0, Priority::BULK), 9);
    assert_eq!(keys(&*store, bulk).await?, ["bulk"]);
    Ok(())
}

pub async fn pages_show_each_scheduled_message_once(store: Arc<dyn Store>) -> Result {
    let all =
        [("a", NORMAL, 5), ("b", NORMAL, 5), ("c", Priority::BULK, 1), ("d", Priority::BULK, 2)];
    kept(&*store, &all.map(|(key, priority, due)| scheduled(key, priority, due))).await;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let read = ScheduledRead { after, ..ScheduledRead::due(at(9), Priority::ALL, 1) };
        let page = store.scheduled(read).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.place());
        found.extend(page.iter().map(|of| of.key.to_string()));
    }
    assert_eq!(found, ["a", "b", "c", "d"]);
    Ok(())
}

pub async fn one_look_tells_whether_a_message_is_due(store: Arc<dyn Store>) -> Result {
    kept(&*store, &[scheduled("a", NORMAL, 5), scheduled("b", Priority::BULK, 3)]).await;
    let work =
        |seconds, priorities| PendingWork { priorities, until: at(seconds), domains: Vec::new() };
    let (production, bulk) = ((NORMAL, Priority::ALL.1), (Priority::ALL.0, Priority::BULK));
    for (seconds, priorities, expected) in [
        (2, Priority::ALL, false),
        (3, Priority::ALL, true),
        (3, production, false),
        (3, bulk, true),
        (5, production, true),
    ] {
        assert_eq!(store.is_pending(work(seconds, priorities)).await?, expected, "{seconds}");
    }
    Ok(())
}

pub async fn every_part_of_a_scheduled_message_survives(store: Arc<dyn Store>) -> Result {
    let mut kept = scheduled("\u{1f4a1} 'key'", Priority::LOW, 3);
    kept.message.causation_id = Some("cause".into());
    kept.message.data = r#"{"text":"\u0001 \"quoted\" ü","number":1e300}"#.into();
    kept.message.extensions = Extensions {
        deadline: Some(at(7)),
        idempotency_key: Some("once".into()),
        permanent_key: true,
        metadata: metadata(),
        traceparent: Some(traceparent()),
        unreadable: None,
    };
    places(&commit_one(&*store, keep(&kept)).await);
    assert_eq!(store.scheduled_under(&[&kept.key]).await?, std::slice::from_ref(&kept));
    let read = ScheduledRead::due(Timestamp::MAX, Priority::ALL, 9);
    assert_eq!(store.scheduled(read).await?, [kept]);
    assert_eq!(store.scheduled_under(&["another"]).await?, []);
    Ok(())
}

pub async fn what_is_kept_again_replaces_what_was(store: Arc<dyn Store>) -> Result {
    let again = Scheduled { due: at(2), ..scheduled("a", Priority::BULK, 0) };
    kept(&*store, &[scheduled("a", NORMAL, 5), again.clone()]).await;
    assert_eq!(store.scheduled_under(&["a"]).await?, [again]);
    assert_eq!(due(&*store, 9, 9).await?, ["a"]);
    Ok(())
}

pub async fn what_is_kept_under_many_keys_is_read_at_once(store: Arc<dyn Store>) -> Result {
    let waiting = ["a", "it's \"b\"", "c"].map(|key| scheduled(key, NORMAL, 5));
    kept(&*store, &waiting).await;
    let mut found = store.scheduled_under(&["c", "another", "it's \"b\"", "c"]).await?;
    found.sort_by(|a, b| a.key.cmp(&b.key));
    found.dedup();
    assert_eq!(found, [waiting[2].clone(), waiting[1].clone()]);
    assert_eq!(store.scheduled_under(&[]).await?, []);
    Ok(())
}

pub async fn a_due_message_moves_into_the_log_once(store: Arc<dyn Store>) -> Result {
    let waiting = scheduled("a", NORMAL, 5);
    kept(&*store, std::slice::from_ref(&waiting)).await;
    let moved = || {
        let taken = schedule(take(&waiting));
        taken.append(&account("a"), NORMAL)
    };
    places(&commit_one(&*store, moved()).await);
    assert_stale(&commit_one(&*store, moved()).await);
    assert_eq!(store.stream(&account("a"), 0, 9).await?.len(), 1);
    assert_eq!(store.scheduled_under(&["a"]).await?, []);
    Ok(())
}

pub async fn rejects_taking_what_was_replaced(store: Arc<dyn Store>) -> Result {
    let [first, second] = [5, 7].map(|due| scheduled("a", NORMAL, due));
    kept(&*store, &[first.clone(), second.clone()]).await;
    let taken = schedule(take(&first)).append(&account("a"), NORMAL);
    assert_stale(&commit_one(&*store, taken).await);
    assert_eq!(store.scheduled_under(&["a"]).await?, std::slice::from_ref(&second));
    assert_eq!(store.stream(&account("a"), 0, 9).await?.len(), 0);
    places(&commit_one(&*store, schedule(take(&second))).await);
    Ok(())
}

pub async fn one_of_many_concurrent_takers_wins(store: Arc<dyn Store>) -> Result {
    let waiting = scheduled("a", NORMAL, 5);
    kept(&*store, std::slice::from_ref(&waiting)).await;
    let takers = (0..8).map(|_| {
        let (store, taken) = (Arc::clone(&store), schedule(take(&waiting)));
        tokio::spawn(async move { commit_one(&*store, taken.append(&account("a"), NORMAL)).await })
    });
    for taker in takers.collect::<Vec<_>>() {
        drop(taker.await);
    }
    assert_eq!(store.stream(&account("a"), 0, 9).await?.len(), 1);
    Ok(())
}

pub async fn dropping_what_is_not_there_changes_nothing(store: Arc<dyn Store>) -> Result {
    kept(&*store, &[scheduled("a", NORMAL, 5), scheduled("b", NORMAL, 5)]).await;
    for _ in 0..2 {
        places(&commit_one(&*store, schedule(Schedule::Drop("a".into()))).await);
    }
    assert_eq!(due(&*store, 9, 9).await?, ["b"]);
    Ok(())
}

pub async fn a_unit_sees_what_it_has_scheduled_itself(store: Arc<dyn Store>) -> Result {
    let waiting = scheduled("a", NORMAL, 5);
    let taken = keep(&waiting).with(|changes| changes.schedules.push(take(&waiting)));
    let again = taken.with(|changes| {
        changes.schedules.push(Schedule::Keep(Box::new(scheduled("a", NORMAL, 7))));
    });
    places(&commit_one(&*store, again).await);
    assert_eq!(due(&*store, 9, 9).await?, ["a"]);
    Ok(())
}

pub async fn a_unit_that_is_left_out_schedules_nothing(store: Arc<dyn Store>) -> Result {
    places(&commit_one(&*store, unit().append_at(&account("x"), 0)).await);
    kept(&*store, &[scheduled("b", NORMAL, 5)]).await;
    let stale = keep(&scheduled("a", NORMAL, 5)).append_at(&account("x"), 0);
    let stale = stale.with(|changes| changes.schedules.push(Schedule::Drop("b".into())));
    assert_stale(&commit_one(&*store, stale).await);
    assert_eq!(due(&*store, 9, 9).await?, ["b"]);
    Ok(())
}

pub async fn schedules_are_gone_with_everything_else(store: Arc<dyn Store>) -> Result {
    kept(&*store, &[scheduled("a", NORMAL, 5)]).await;
    store.destroy(&super::sample::tables()).await?;
    store.prepare(&super::sample::tables(), &super::sample::registrations()).await?;
    assert_eq!(due(&*store, 9, 9).await?, [""; 0]);
    Ok(())
}

pub async fn the_schedule_accounts_for_every_message(store: Arc<dyn Store>) -> Result {
    assert_eq!(store.schedule_account().await?, ScheduleAccount::default());
    let all = ["a", "b", "c", "d"].map(|key| scheduled(key, NORMAL, 9));
    kept(&*store, &all).await;
    // In one transaction with the unit that makes it stale, so its counts are rolled back.
    let again = keep(&scheduled("e", NORMAL, 9)).with(|of| of.schedules.push(take(&all[0])));
    let [taken, again] = commit(&*store, [schedule(take(&all[0])), again]).await;
    places(&taken);
    assert_stale(&again);
    kept(&*store, &[scheduled("b", NORMAL, 3)]).await;
    for key in ["c", "unknown"] {
        places(&commit_one(&*store, schedule(Schedule::Drop(key.into()))).await);
    }
    let account = store.schedule_account().await?;
    let terms = [("scheduled", 5), ("replaced", 1), ("moved", 1), ("cancelled", 1), ("waiting", 2)];
    assert_eq!(account, ScheduleAccount::of(terms));
    assert!(account.closes());
    Ok(())
}
