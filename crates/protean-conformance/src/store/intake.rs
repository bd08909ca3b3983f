//! Facts of the intake: commands that plain programs insert.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{Kind, Message, Priority};
use protean_port::port::{
    Expect, IntakeChange, IntakeDomains, IntakeEntry, IntakeRead, IntakeReject, IntakeRow,
    PendingWork, Store,
};

use super::sample::{Draft, account, assert_stale, at, commit_one, message, places, unit};

fn entry(id: &str, priority: Priority) -> IntakeEntry {
    IntakeEntry {
        id: id.into(),
        type_name: "Happen".into(),
        data: "{}".into(),
        priority: priority.value().into(),
        key: None,
        metadata: None,
    }
}

fn change(change: IntakeChange) -> Draft {
    unit().with(|changes| changes.intake.push(change))
}

fn add(entry: &IntakeEntry) -> IntakeChange {
    IntakeChange::Add(Box::new(entry.clone()))
}

/// Adds these in one unit.
async fn added(store: &dyn Store, entries: &[IntakeEntry]) {
    let unit = entries
        .iter()
        .fold(unit(), |unit, entry| unit.with(|changes| changes.intake.push(add(entry))));
    places(&commit_one(store, unit).await);
}

fn read(priorities: (Priority, Priority), limit: usize) -> IntakeRead {
    IntakeRead { priorities, ..IntakeRead::first(limit) }
}

async fn rows(store: &dyn Store) -> Result<Vec<IntakeRow>> {
    store.intake_rows(read(Priority::ALL, 99)).await
}

async fn ids(store: &dyn Store, read: IntakeRead) -> Result<Vec<String>> {
    Ok(store.intake_rows(read).await?.into_iter().map(|row| row.entry.id.to_string()).collect())
}

/// Adds a row and gives its place.
async fn place(store: &dyn Store, id: &str) -> Result<u64> {
    added(store, &[entry(id, NORMAL)]).await;
    Ok(rows(store).await?.pop().map_or(0, |row| row.place))
}

fn reject(place: u64) -> IntakeChange {
    IntakeChange::Reject { place, reason: "an unknown type: 'Happen\0'".into(), time: at(7) }
}

const NORMAL: Priority = Priority::NORMAL;

pub async fn rows_come_in_the_order_of_their_insertion(store: Arc<dyn Store>) -> Result {
    let all = ["c", "a", "d", "b"].map(|id| entry(id, NORMAL));
    added(&*store, &all).await;
    added(&*store, &[entry("e", Priority::HIGH)]).await;
    assert_eq!(ids(&*store, read(Priority::ALL, 9)).await?, ["c", "a", "d", "b", "e"]);
    assert_eq!(ids(&*store, read(Priority::ALL, 2)).await?, ["c", "a"]);
    Ok(())
}

pub async fn rows_of_other_priorities_hold_nothing_up(store: Arc<dyn Store>) -> Result {
    for number in 0..5 {
        added(&*store, &[entry(&format!("bulk-{number}"), Priority::BULK)]).await;
    }
    added(&*store, &[entry("a", NORMAL)]).await;
    added(&*store, &[entry("b", Priority::HIGH)]).await;
    let (bulk, all) = (Priority::new(-1), Priority::ALL);
    assert_eq!(ids(&*store, read((NORMAL, all.1), 2)).await?, ["a", "b"]);
    assert_eq!(ids(&*store, read((all.0, bulk), 2)).await?, ["bulk-0", "bulk-1"]);
    Ok(())
}

pub async fn priorities_that_no_message_can_have_are_read(store: Arc<dyn Store>) -> Result {
    let odd = |id: &str, priority| IntakeEntry { priority, ..entry(id, NORMAL) };
    for row in [odd("high", i64::MAX), odd("low", i64::MIN)] {
        added(&*store, &[row]).await;
    }
    let all = Priority::ALL;
    assert_eq!(ids(&*store, read((NORMAL, all.1), 9)).await?, ["high"]);
    assert_eq!(ids(&*store, read((all.0, Priority::new(-1)), 9)).await?, ["low"]);
    Ok(())
}

pub async fn every_part_of_a_row_survives(store: Arc<dyn Store>) -> Result {
    let odd = IntakeEntry {
        id: "\u{1f4a1} 'id'".into(),
        type_name: "Fact.\u{e9}.v1".into(),
        data: "not \"JSON\" \u{1}\u{2}\u{2} ü".into(),
        priority: -7,
        key: Some("key \u{3}".into()),
        metadata: Some("{\"a\": \u{4}".into()),
    };
    added(&*store, std::slice::from_ref(&odd)).await;
    let found = rows(&*store).await?;
    assert_eq!(found.len(), 1);
    let IntakeRow { place, entry, is_logged, is_garbled } = found[0].clone();
    assert_eq!((&entry, is_logged, is_garbled), (&odd, false, false));
    places(&commit_one(&*store, change(reject(place))).await);
    let reason = "an unknown type: 'Happen\0'".to_owned();
    let expected = IntakeReject { place, entry, reason, time: at(7) };
    assert_eq!(store.intake_rejects(0, 9).await?, [expected]);
    assert_eq!(rows(&*store).await?, []);
    Ok(())
}

pub async fn rows_are_read_by_the_domain_that_their_type_names(store: Arc<dyn Store>) -> Result {
    let names = [
        "Shop.Happen",
        "Bank.Happen.v1",
        "Shop",
        "Happen.v1",
        ".Happen",
        "Shop.v1.v2",
        "Happen.v12x",
    ];
    let typed = |name: &str| IntakeEntry { type_name: name.into(), ..entry(name, NORMAL) };
    for name in names {
        assert_eq!(typed(name).domain(), domain(name), "{name}");
        added(&*store, &[typed(name)]).await;
    }
    let domains = |of: &[&str]| of.iter().map(ToString::to_string).collect();
    let only = |of: &[&str]| IntakeRead {
        domains: IntakeDomains::Only(domains(of)),
        ..IntakeRead::first(9)
    };
    let except = |of: &[&str]| IntakeRead {
        domains: IntakeDomains::Except(domains(of)),
        ..IntakeRead::first(9)
    };
    assert_eq!(ids(&*store, only(&["Shop"])).await?, ["Shop.Happen", "Shop.v1.v2"]);
    assert_eq!(
        ids(&*store, only(&["Bank", ""])).await?,
        ["Bank.Happen.v1", "Shop", "Happen.v1", ".Happen",]
    );
    assert_eq!(ids(&*store, only(&[])).await?, [""; 0]);
    assert_eq!(ids(&*store, except(&["Shop", ""])).await?, ["Bank.Happen.v1", "Happen.v12x"]);
    assert_eq!(ids(&*store, except(&[])).await?, names);
    Ok(())
}

fn domain(type_name: &str) -> &str {
    match type_name {
        "Shop.Happen" | "Shop.v1.v2" => "Shop",
        "Bank.Happen.v1" => "Bank",
        "Happen.v12x" => "Happen",
        _ => "",
    }
}

pub async fn rows_of_other_domains_and_priorities_hold_nothing_up(store: Arc<dyn Store>) -> Result {
    let of =
        |name: &str, id, priority| IntakeEntry { type_name: name.into(), ..entry(id, priority) };
    let (bank, shop) = ("Bank.Happen", "Shop.Happen");
    added(
        &*store,
        &[
            of(bank, "a", Priority::BULK),
            of(shop, "b", NORMAL),
            of(bank, "c", NORMAL),
            of(shop, "d", Priority::BULK),
        ],
    )
    .await;
    let next = |domain: &str, priorities| IntakeRead {
        domains: IntakeDomains::Only(vec![domain.into()]),
        ..read(priorities, 9)
    };
    assert_eq!(ids(&*store, next("Shop", (NORMAL, Priority::ALL.1))).await?, ["b"]);
    Ok(())
}

pub async fn a_page_follows_a_place_and_ends_with_large_rows(store: Arc<dyn Store>) -> Result {
    let large = |id, priority| IntakeEntry {
        data: "x".repeat(IntakeRead::MAX_BYTES / 5 * 2).into(),
        ..entry(id, priority)
    };
    for (id, priority) in
        [("a", NORMAL), ("b", Priority::BULK), ("c", NORMAL), ("d", Priority::BULK)]
    {
        added(&*store, &[large(id, priority)]).await;
    }
    let first = store.intake_rows(IntakeRead::first(9)).await?;
    assert_eq!(first.len(), 3);
    let rest = IntakeRead { after: first[2].place, ..IntakeRead::first(9) };
    assert_eq!(ids(&*store, rest).await?, ["d"]);
    let after = IntakeRead { after: first[0].place, ..IntakeRead::first(1) };
    assert_eq!(ids(&*store, after).await?, ["b"]);
    Ok(())
}

pub async fn one_look_tells_whether_a_row_waits(store: Arc<dyn Store>) -> Result {
    let work = |domain: &str, priorities| PendingWork {
        priorities,
        until: at(0),
        domains: vec!["Bank".into(), domain.into()],
    };
    let (production, bulk) = ((NORMAL, Priority::ALL.1), (Priority::ALL.0, Priority::BULK));
    assert!(!store.is_pending(work("", Priority::ALL)).await?);
    added(&*store, &[IntakeEntry { priority: i64::MIN, ..entry("a", NORMAL) }]).await;
    assert!(store.is_pending(work("", Priority::ALL)).await?);
    assert!(store.is_pending(work("", bulk)).await?);
    assert!(!store.is_pending(work("", production)).await?);
    assert!(!store.is_pending(work("Shop", Priority::ALL)).await?);
    Ok(())
}

pub async fn a_row_moves_into_the_log_once(store: Arc<dyn Store>) -> Result {
    let place = place(&*store, "a").await?;
    let moved = || change(IntakeChange::Take(place)).append(&account("a"), NORMAL);
    places(&commit_one(&*store, moved()).await);
    assert_stale(&commit_one(&*store, moved()).await);
    assert_stale(&commit_one(&*store, change(reject(place))).await);
    assert_eq!(store.stream(&account("a"), 0, 9).await?.len(), 1);
    assert_eq!(rows(&*store).await?, []);
    Ok(())
}

pub async fn a_unit_takes_many_rows_or_none(store: Arc<dyn Store>) -> Result {
    added(&*store, &["a", "b", "c"].map(|id| entry(id, NORMAL))).await;
    let found = rows(&*store).await?;
    let take = |rows: &[IntakeRow]| {
        let take = |unit: Draft, row: &IntakeRow| {
            let place = row.place;
            unit.with(|changes| changes.intake.push(IntakeChange::Take(place)))
        };
        rows.iter().fold(unit(), take)
    };
    places(&commit_one(&*store, take(&found[..1])).await);
    assert_stale(&commit_one(&*store, take(&found)).await);
    assert_eq!(ids(&*store, read(Priority::ALL, 9)).await?, ["b", "c"]);
    places(&commit_one(&*store, take(&found[1..])).await);
    assert_eq!(rows(&*store).await?, []);
    Ok(())
}

pub async fn one_of_many_concurrent_takers_has_the_row(store: Arc<dyn Store>) -> Result {
    let place = place(&*store, "a").await?;
    let takers = (0..8).map(|_| {
        let (store, taken) = (Arc::clone(&store), change(IntakeChange::Take(place)));
        tokio::spawn(async move { commit_one(&*store, taken.append(&account("a"), NORMAL)).await })
    });
    for taker in takers.collect::<Vec<_>>() {
        drop(taker.await);
    }
    assert_eq!(store.stream(&account("a"), 0, 9).await?.len(), 1);
    Ok(())
}

pub async fn a_place_is_not_used_again(store: Arc<dyn Store>) -> Result {
    let first = place(&*store, "a").await?;
    places(&commit_one(&*store, change(IntakeChange::Take(first))).await);
    let second = place(&*store, "a").await?;
    assert!(second > first, "{first} {second}");
    assert_stale(&commit_one(&*store, change(IntakeChange::Take(first))).await);
    assert_eq!(rows(&*store).await?.len(), 1);
    Ok(())
}

pub async fn a_row_says_whether_its_command_is_in_the_log(store: Arc<dyn Store>) -> Result {
    let logged = |id: &str, correlation_id: &str, kind| Message {
        id: id.into(),
        correlation_id: correlation_id.into(),
        kind,
        ..message(&account(id), NORMAL)
    };
    let messages = [
        logged("first", "first", Kind::Command),
        logged("caused", "first", Kind::Command),
        logged("event", "event", Kind::Event),
    ];
    for message in messages {
        places(&commit_one(&*store, unit().message(message, Expect::End)).await);
    }
    added(&*store, &["first", "caused", "event", "new"].map(|id| entry(id, NORMAL))).await;
    let logged = rows(&*store).await?.into_iter().map(|row| row.is_logged);
    assert_eq!(logged.collect::<Vec<_>>(), [true, true, false, false]);
    Ok(())
}

pub async fn a_reject_goes_back_as_a_new_row_or_is_dropped(store: Arc<dyn Store>) -> Result {
    added(&*store, &["a", "b", "c"].map(|id| entry(id, NORMAL))).await;
    let before = rows(&*store).await?;
    for row in &before {
        places(&commit_one(&*store, change(reject(row.place))).await);
    }
    let page = store.intake_rejects(before[0].place, 1).await?;
    assert_eq!((page.len(), page[0].place), (1, before[1].place));
    let retry = || change(IntakeChange::Retry(before[1].place));
    places(&commit_one(&*store, retry()).await);
    assert_stale(&commit_one(&*store, retry()).await);
    let again = rows(&*store).await?;
    assert_eq!((again.len(), &again[0].entry), (1, &before[1].entry));
    assert!(again[0].place > before[2].place, "{again:?}");
    let dropped = || change(IntakeChange::Drop(before[0].place));
    places(&commit_one(&*store, dropped()).await);
    assert_stale(&commit_one(&*store, dropped()).await);
    let left = store.intake_rejects(0, 9).await?;
    assert_eq!((left.len(), &*left[0].entry.id), (1, "c"));
    Ok(())
}

pub async fn a_unit_sees_what_it_has_rejected_itself(store: Arc<dyn Store>) -> Result {
    let place = place(&*store, "a").await?;
    let both = change(reject(place)).with(|of| of.intake.push(IntakeChange::Retry(place)));
    places(&commit_one(&*store, both).await);
    assert_eq!(ids(&*store, read(Priority::ALL, 9)).await?, ["a"]);
    assert_eq!(store.intake_rejects(0, 9).await?, []);
    Ok(())
}

pub async fn a_unit_that_is_left_out_changes_no_intake(store: Arc<dyn Store>) -> Result {
    places(&commit_one(&*store, unit().append_at(&account("x"), 0)).await);
    let place = place(&*store, "a").await?;
    let all = |first| change(first).with(|of| of.intake.push(add(&entry("b", NORMAL))));
    for first in [IntakeChange::Take(place), reject(place)] {
        assert_stale(&commit_one(&*store, all(first).append_at(&account("x"), 0)).await);
    }
    assert_eq!(ids(&*store, read(Priority::ALL, 9)).await?, ["a"]);
    assert_eq!(store.intake_rejects(0, 9).await?, []);
    Ok(())
}

pub async fn the_intake_is_gone_with_everything_else(store: Arc<dyn Store>) -> Result {
    let place = place(&*store, "a").await?;
    places(&commit_one(&*store, change(reject(place))).await);
    added(&*store, &[entry("b", NORMAL)]).await;
    store.destroy(&super::sample::tables()).await?;
    store.prepare(&super::sample::tables(), &super::sample::registrations()).await?;
    assert_eq!(rows(&*store).await?, []);
    assert_eq!(store.intake_rejects(0, 9).await?, []);
    Ok(())
}
