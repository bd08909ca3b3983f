//! Facts of searches through the whole log.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{Category, Id, Kind, Message, Priority, Recorded, Stream};
use protean_port::port::{Expect, Find, Store, TypeStats};

use super::sample::{account, accounts, at, commit_one, message, places, unit};

/// Appends a message and gives it with its places.
async fn keep(store: &dyn Store, message: Message) -> Recorded {
    let outcome = commit_one(store, unit().message(message.clone(), Expect::End)).await;
    let place = places(&outcome)[0];
    Recorded { position: place.position, stream_position: place.stream_position, message }
}

fn command(id: &str, correlation_id: &str) -> Message {
    let stream = accounts().commands().stream(&Id::from("a"));
    let (id, correlation_id) = (id.into(), correlation_id.into());
    let message = message(&stream, Priority::NORMAL);
    Message { id, correlation_id, kind: Kind::Command, type_name: "Fact.Open.v2".into(), ..message }
}

fn event(stream: &Stream, sequence: &str, correlation_id: &str) -> Message {
    let id = format!("{stream}-{sequence}").into();
    let correlation_id = correlation_id.into();
    Message { id, correlation_id, ..message(stream, Priority::NORMAL) }
}

/// Two chains over two categories, in three priorities.
async fn chains(store: &dyn Store) -> Vec<Recorded> {
    let mut log = Vec::new();
    for (number, priority) in [0, -100, 50, 0, -100, 0].into_iter().enumerate() {
        let (chain, id) = (["x", "y"][number % 2], format!("command-{number}"));
        let priority = Priority::new(priority);
        log.push(keep(store, Message { priority, ..command(&id, chain) }).await);
        let event = event(&account("a"), &number.to_string(), chain);
        log.push(keep(store, Message { priority, ..event }).await);
    }
    log
}

fn newest_first(mut log: Vec<Recorded>) -> Vec<Recorded> {
    log.reverse();
    log
}

/// Those of the log for which this holds.
fn those(log: &[Recorded], holds: impl Fn(&Message) -> bool) -> Vec<Recorded> {
    log.iter().filter(|recorded| holds(&recorded.message)).cloned().collect()
}

pub async fn a_chain_is_found_in_the_order_of_the_log(store: Arc<dyn Store>) -> Result {
    let log = chains(&*store).await;
    let chain = |find: Find| Find { correlation_id: Some("x".into()), ..find };
    let expected = those(&log, |message| &*message.correlation_id == "x");
    assert_eq!(store.find(chain(Find::first(100))).await?, expected);
    assert_eq!(store.find(chain(Find::last(100))).await?, newest_first(expected));
    let nobody = Find { correlation_id: Some("X".into()), ..Find::first(100) };
    assert_eq!(store.find(nobody).await?, []);
    Ok(())
}

pub async fn a_category_is_found_in_the_order_of_the_log(store: Arc<dyn Store>) -> Result {
    let log = chains(&*store).await;
    let of = |find: Find| Find { category: Some(accounts()), ..find };
    let expected = those(&log, |message| *message.stream.category() == accounts());
    assert_eq!(store.find(of(Find::first(100))).await?, expected);
    assert_eq!(store.find(of(Find::first(4))).await?, expected[..4]);
    assert_eq!(store.find(of(Find::last(4))).await?, newest_first(expected)[..4]);
    let nobody = Find { category: Some(Category::named("fact")), ..Find::first(100) };
    assert_eq!(store.find(nobody).await?, []);
    Ok(())
}

pub async fn pages_show_each_message_once(store: Arc<dyn Store>) -> Result {
    let log = chains(&*store).await;
    let category = Some(accounts());
    let chain = Some("y".into());
    let of_category = those(&log, |message| *message.stream.category() == accounts());
    let of_chain = those(&log, |message| &*message.correlation_id == "y");
    for (expected, first) in [
        (log.clone(), Find::first(5)),
        (of_category.clone(), Find { category: category.clone(), ..Find::first(1) }),
        (of_chain, Find { correlation_id: chain, ..Find::first(2) }),
        (newest_first(log), Find::last(5)),
        (newest_first(of_category), Find { category, ..Find::last(4) }),
    ] {
        let (mut found, mut find) = (Vec::new(), first);
        loop {
            let page = store.find(find.clone()).await?;
            assert!(page.len() <= find.limit);
            let Some(last) = page.last() else { break };
            find.after = Some(last.position);
            found.extend(page);
        }
        assert_eq!(found, expected);
    }
    assert_eq!(store.find(Find::first(0)).await?, []);
    Ok(())
}

pub async fn a_message_is_found_by_its_id(store: Arc<dyn Store>) -> Result {
    let odd = Category::named("fäkt::account-fact").stream(&Id::from("a-1"));
    let kept = [
        keep(&*store, command("root", "root")).await,
        keep(&*store, command("derived", "root")).await,
        keep(&*store, event(&account("a"), "0", "root")).await,
        keep(&*store, event(&account("a"), "1.2", "root")).await,
        keep(&*store, event(&odd, "0", "root")).await,
    ];
    let id = |id: &str| Find { message_id: Some(id.into()), ..Find::first(10) };
    for recorded in &kept {
        assert_eq!(store.find(id(&recorded.message.id)).await?, std::slice::from_ref(recorded));
    }
    for unknown in ["", "-", "fact::account-a", "fact::account-a-2", "Root", "fact::account-b-0"] {
        assert_eq!(store.find(id(unknown)).await?, [], "{unknown}");
    }
    let elsewhere = Find { category: Some(accounts()), ..id("derived") };
    assert_eq!(store.find(elsewhere).await?, []);
    let past = Find { after: Some(kept[1].position), ..id("derived") };
    assert_eq!(store.find(past).await?, []);
    Ok(())
}

pub async fn a_type_is_found_by_its_full_and_its_short_name(store: Arc<dyn Store>) -> Result {
    let mut log = Vec::new();
    for name in ["Fact.Open.v1", "Fact.Open.v2", "Fact.Reopen.v1", "Fact.Open", "Open"] {
        let message = message(&account("a"), Priority::NORMAL);
        log.push(keep(&*store, Message { type_name: name.into(), ..message }).await);
    }
    for (name, places) in [
        ("Fact.Open.v2", [1].as_slice()),
        ("Open", &[0, 1, 4]),
        ("Fact.Open", &[3]),
        ("open", &[]),
        ("%", &[]),
        ("", &[]),
    ] {
        let found = store.find(Find { type_name: Some(name.into()), ..Find::first(10) }).await?;
        let expected: Vec<_> = places.iter().map(|place| log[*place].clone()).collect();
        assert_eq!(found, expected, "{name}");
    }
    Ok(())
}

pub async fn a_time_is_found_from_its_start_to_before_its_end(store: Arc<dyn Store>) -> Result {
    let mut log = Vec::new();
    for seconds in [5, 3, 4, 4, 6] {
        let message = message(&account("a"), Priority::NORMAL);
        log.push(keep(&*store, Message { time: at(seconds), ..message }).await);
    }
    let within = |since, until| Find { since, until, ..Find::first(10) };
    let expected = those(&log, |message| message.time == at(4));
    assert_eq!(store.find(within(Some(at(4)), Some(at(5)))).await?, expected);
    assert_eq!(store.find(within(Some(at(5)), None)).await?.len(), 2);
    assert_eq!(store.find(within(None, Some(at(5)))).await?.len(), 3);
    Ok(())
}

pub async fn all_that_is_asked_must_hold(store: Arc<dyn Store>) -> Result {
    let wanted = chains(&*store).await.swap_remove(6);
    let message = &wanted.message;
    let by_type = Find {
        type_name: Some("Open".into()),
        since: Some(message.time),
        after: Some(wanted.position - 1),
        ..Find::first(10)
    };
    let by_category = Find { category: Some(message.stream.category().clone()), ..by_type.clone() };
    let by_chain =
        Find { correlation_id: Some(message.correlation_id.clone()), ..by_category.clone() };
    let by_id = Find { message_id: Some(message.id.clone()), ..by_chain.clone() };
    for all in [by_type, by_category, by_chain, by_id] {
        assert!(store.find(all.clone()).await?.contains(&wanted), "{all:?}");
        for find in [
            Find { category: Some(accounts()), ..all.clone() },
            Find { type_name: Some("Close".into()), ..all.clone() },
            Find { correlation_id: Some("x".into()), ..all.clone() },
            Find { message_id: Some("command-5".into()), ..all.clone() },
            Find { until: Some(message.time), ..all.clone() },
            Find { after: Some(wanted.position), ..all.clone() },
        ] {
            assert!(!store.find(find.clone()).await?.contains(&wanted), "{find:?}");
        }
    }
    Ok(())
}

pub async fn types_are_counted_with_their_times(store: Arc<dyn Store>) -> Result {
    assert_eq!(store.stats().await?, []);
    for (seconds, stream) in [(7, account("a")), (3, account("b")), (5, account("a"))] {
        let message = message(&stream, Priority::new(seconds));
        keep(&*store, Message { time: at(seconds.into()), ..message }).await;
    }
    keep(&*store, Message { time: at(9), ..command("c", "c") }).await;
    let type_name = "Fact.Happened.v1".into();
    let (first, last) = (at(3), at(7));
    let events =
        TypeStats { category: accounts(), type_name, kind: Kind::Event, count: 3, first, last };
    let commands = TypeStats {
        category: accounts().commands(),
        type_name: "Fact.Open.v2".into(),
        kind: Kind::Command,
        count: 1,
        first: at(9),
        last: at(9),
    };
    assert_eq!(store.stats().await?, [events, commands]);
    Ok(())
}
