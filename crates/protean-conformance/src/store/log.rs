//! Facts of the log: positions and streams.

use std::sync::Arc;

use protean_port::message::{Category, Extensions, Id, Kind, Message, Priority, Recorded, Stream};
use protean_port::port::{Expect, Store};
use protean_port::{Error, Result};

use super::sample::{
    account, accounts, at, commit_all, commit_one, message, metadata, places, recorded,
    traceparent, unit,
};

pub async fn positions_grow_by_one_from_one(store: Arc<dyn Store>) -> Result {
    for expected in 1..=5 {
        let stream = account(if expected % 2 == 0 { "a" } else { "b" });
        assert_eq!(recorded(&*store, &stream, Priority::NORMAL).await.position, expected);
    }
    Ok(())
}

pub async fn stream_positions_count_from_zero_in_each_stream(store: Arc<dyn Store>) -> Result {
    let commands = accounts().commands().stream(&Id::from("a"));
    for stream in [account("a"), account("b"), commands] {
        for expected in 0..3 {
            let recorded = recorded(&*store, &stream, Priority::NORMAL).await;
            assert_eq!(recorded.stream_position, expected, "{stream}");
        }
    }
    Ok(())
}

pub async fn a_stream_is_read_from_a_position_up_to_a_limit(store: Arc<dyn Store>) -> Result {
    let mut written = Vec::new();
    for priority in [0, 50, -100, 7, 0, 100] {
        written.push(recorded(&*store, &account("a"), Priority::new(priority)).await);
        recorded(&*store, &account("b"), Priority::NORMAL).await;
    }
    let stream = account("a");
    assert_eq!(store.stream(&stream, 0, 100).await?, written);
    assert_eq!(store.stream(&stream, 0, 6).await?, written);
    assert_eq!(store.stream(&stream, 2, 3).await?, written[2..5]);
    assert_eq!(store.stream(&stream, 5, 3).await?, written[5..]);
    assert_eq!(store.stream(&stream, 6, 3).await?, []);
    assert_eq!(store.stream(&stream, 0, 0).await?, []);
    Ok(())
}

pub async fn a_stream_nobody_wrote_is_empty(store: Arc<dyn Store>) -> Result {
    recorded(&*store, &account("a1"), Priority::NORMAL).await;
    assert_eq!(store.stream(&account("a"), 0, 10).await?, []);
    assert_eq!(store.stream(&account("a12"), 0, 10).await?, []);
    Ok(())
}

pub async fn every_part_of_a_message_survives(store: Arc<dyn Store>) -> Result {
    let command = Message {
        kind: Kind::Command,
        type_name: "Fact.Open.v7".into(),
        version: 7,
        priority: Priority::new(-1),
        causation_id: Some("what-came-before".into()),
        extensions: Extensions {
            deadline: Some(at(1_800_000_000)),
            idempotency_key: Some("row-17".into()),
            permanent_key: false,
            metadata: metadata(),
            traceparent: Some(traceparent()),
            unreadable: None,
        },
        ..message(&accounts().commands().stream(&Id::from("a-b-c")), Priority::NORMAL)
    };
    survives(&*store, command).await
}

pub async fn odd_text_survives(store: Arc<dyn Store>) -> Result {
    let category = Category::named("fäkt::ღ-account");
    let stream = Stream::restored("fäkt::ღ-account-'; --\u{1F980}", category);
    let odd = Message {
        id: "nul\0inside".into(),
        type_name: "".into(),
        correlation_id: "\u{10FFFF}\n\t\"".into(),
        causation_id: Some("".into()),
        data: "{\"text\":\"nul\0, \u{1F980}, \\u0000, \u{202E}\"}".into(),
        ..message(&stream, Priority::NORMAL)
    };
    survives(&*store, odd).await
}

pub async fn a_large_payload_survives(store: Arc<dyn Store>) -> Result {
    let large = "äx0".repeat(1 << 18);
    let data = format!("{{\"large\":\"{large}\"}}").into();
    survives(&*store, Message { data, ..message(&account("a"), Priority::NORMAL) }).await
}

async fn survives(store: &dyn Store, message: Message) -> Result {
    let outcome = commit_one(store, unit().message(message.clone(), Expect::End)).await;
    assert_eq!(places(&outcome).len(), 1);
    let read = store.stream(&message.stream, 0, 10).await?;
    assert_eq!(read, [Recorded { position: 1, stream_position: 0, message }]);
    Ok(())
}

pub async fn streams_of_a_category_come_by_name(store: Arc<dyn Store>) -> Result {
    let streams = ["b", "a", "a-b", "\u{1F980}", "B"].map(account);
    for stream in &streams {
        recorded(&*store, stream, Priority::NORMAL).await;
        recorded(&*store, stream, Priority::BULK).await;
    }
    // Categories whose streams have names among or beside these.
    for category in ["fact::account-a", "fact::account:command", "fact::accounts", "fact::accoun"] {
        let stream = Category::named(category).stream(&Id::from("a"));
        recorded(&*store, &stream, Priority::NORMAL).await;
    }
    let read = store.streams(&accounts(), None, 100).await?;
    assert_eq!(read, ["B", "a", "a-b", "b", "\u{1F980}"].map(account));
    assert!(read.iter().all(|stream| *stream.category() == accounts()));
    assert_eq!(store.streams(&Category::named("fact::nothing"), None, 9).await?, []);
    Ok(())
}

pub async fn streams_are_read_on_after_one(store: Arc<dyn Store>) -> Result {
    for id in ["a", "b", "c", "d"] {
        recorded(&*store, &account(id), Priority::NORMAL).await;
        recorded(&*store, &account(id), Priority::NORMAL).await;
    }
    let ids = async |after: Option<&str>, limit| {
        let after = after.map(account);
        let read = store.streams(&accounts(), after.as_ref(), limit).await?;
        Ok::<_, Error>(read.iter().map(|stream| stream.id().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(ids(None, 2).await?, ["a", "b"]);
    assert_eq!(ids(Some("b"), 2).await?, ["c", "d"]);
    assert_eq!(ids(Some("bb"), 2).await?, ["c", "d"]);
    assert!(ids(Some("d"), 2).await?.is_empty());
    assert!(ids(None, 0).await?.is_empty());
    Ok(())
}

pub async fn no_stream_is_broken(store: Arc<dyn Store>) -> Result {
    let units = (0..100).map(|number| {
        let draft = unit().append(&account(&(number % 7).to_string()), Priority::new(number % 3));
        // Every fifth unit is left out, and must leave no hole.
        if number % 5 == 0 { draft.append_at(&account("x"), 1000) } else { draft }
    });
    commit_all(&*store, units.collect()).await;
    assert_eq!(store.broken_streams(10).await?, Vec::<String>::new());
    for stream in 0..7 {
        let read = store.stream(&account(&stream.to_string()), 0, 1000).await?;
        let positions: Vec<_> = read.iter().map(|recorded| recorded.stream_position).collect();
        assert_eq!(positions, (0..read.len() as u64).collect::<Vec<_>>());
    }
    Ok(())
}
