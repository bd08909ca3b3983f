//! Several stores and processes on one database.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use protean_port::message::{Lane, Priority};
use protean_port::port::{Expect, GroupRegistration, LaneRead, Outcome, Start, Store};

use crate::{account, commit, database, ids, is_committed, open, people, prepared, raw, unit};

const URI: &str = "PROTEAN_POSTGRES_TEST_URI";
const PART: &str = "PROTEAN_POSTGRES_TEST_PART";

/// Runs a part of a test in a separate process.
pub(crate) fn spawn(part: &str, uri: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["stores::child", "--exact", "--nocapture"]).env(URI, uri).env(PART, part);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Does nothing unless another test has started it as a process.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(uri) = std::env::var(URI) else { return };
    let store = open(&uri).await;
    match std::env::var(PART).unwrap().as_str() {
        "prepare" => store.prepare(&[people()], &[registration()]).await.unwrap(),
        "newer" => {
            let [_, newer] = crate::samples::changes::versions();
            store.prepare(&newer, &[]).await.unwrap();
        }
        "claim" => crate::claims::hold(&*store).await,
        "abort" => crate::claims::note_and_abort(&*store).await,
        part => panic!("{part}"),
    }
}

fn registration() -> GroupRegistration {
    let category = account("a").category().clone();
    GroupRegistration::new("reader", category, Start::Beginning)
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn processes_that_prepare_at_once_all_succeed() {
    let database = database();
    let children: Vec<_> = (0..4).map(|_| spawn("prepare", &database.uri())).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let store = open(&database.uri()).await;
    assert_eq!(store.registered_groups().await.unwrap().len(), 1);
    assert!(is_committed(&commit(&*store, vec![unit(Lane::Primary, &account("a"))]).await[0]));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn eight_writers_of_one_stream_lose_no_update() {
    let database = database();
    drop(prepared(&database.uri(), &[]).await);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let uri = database.uri();
        tasks.spawn(async move {
            let store = open(&uri).await;
            let mut tries = 0;
            for _ in 0..10 {
                loop {
                    tries += 1;
                    let mut changes = unit(Lane::Primary, &account("a"));
                    let end = ids(&*store, &account("a")).await.len() as u64;
                    changes.appends[0].expect = Expect::At(end);
                    match commit(&*store, vec![changes]).await.remove(0) {
                        Outcome::Committed(places) => {
                            break assert_eq!(places[0].stream_position, end);
                        }
                        Outcome::Stale(_) => assert!(tries < 1000, "it never gets through"),
                        other => panic!("{other:?}"),
                    }
                }
            }
        });
    }
    tasks.join_all().await;
    let store = open(&database.uri()).await;
    assert_eq!(ids(&*store, &account("a")).await.len(), 80);
    assert!(store.broken_streams(9).await.unwrap().is_empty());
}

/// Reads what follows the last position.
pub(crate) async fn follow(store: &dyn Store, after: &mut u64) -> Vec<u64> {
    let read = LaneRead {
        group: "reader".into(),
        category: account("a").category().clone(),
        range: (Priority::new(i32::MIN), Priority::new(i32::MAX)),
        after: vec![(Priority::NORMAL, *after)],
        limit: 1000,
    };
    let found = store.lane(read).await.unwrap();
    let positions: Vec<_> = found.iter().map(|delivery| delivery.recorded.position).collect();
    *after = positions.last().copied().unwrap_or(*after);
    positions
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_reader_of_several_writers_skips_nothing() {
    let database = database();
    let reader = prepared(&database.uri(), &[]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..4 {
        let uri = database.uri();
        tasks.spawn(async move {
            let (store, stream) = (open(&uri).await, account(&writer.to_string()));
            for number in 0..60 {
                let mut late = unit(Lane::Primary, &stream);
                late.appends[0].expect = Expect::At(1000);
                let outcomes = commit(&*store, vec![late, unit(Lane::Primary, &stream)]).await;
                assert!(is_committed(&outcomes[1]), "{number}: {outcomes:?}");
            }
        });
    }
    let (mut seen, mut after, begun) = (BTreeSet::new(), 0, Instant::now());
    while seen.len() < 240 {
        seen.extend(follow(&*reader, &mut after).await);
        assert!(begun.elapsed() < Duration::from_secs(60), "{} of 240 were seen", seen.len());
    }
    tasks.join_all().await;
    assert!(seen.into_iter().eq(1..=240), "positions have no gaps");
}

/// Inserts a message at the next position without committing it.
const INSERT: &str = "\
    INSERT INTO messages SELECT coalesce(max(position), 0) + 1, 'bank::account-other', \
        count(*) FILTER (WHERE stream = 'bank::account-other'), 'bank::account', 0, 'EVENT', \
        'T', 1, 'id', 'c', NULL, 0, '{}', NULL FROM messages";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn readers_do_not_pass_a_position_of_an_open_transaction() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    let other = raw(&database.uri()).await;
    let mut after = 0;
    for (end, expected) in [("ROLLBACK", vec![1]), ("COMMIT", vec![2, 3])] {
        other.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(1349678190, 1)").await.unwrap();
        other.batch_execute(INSERT).await.unwrap();
        let committing = tokio::spawn({
            let store = Arc::clone(&store);
            async move { commit(&*store, vec![unit(Lane::Primary, &account("a"))]).await }
        });
        let waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        while tokio::task::block_in_place(|| database.run(waits)) == "0" {
            assert!(!committing.is_finished(), "it overtook an open transaction");
        }
        assert!(follow(&*store, &mut after).await.is_empty());
        other.batch_execute(end).await.unwrap();
        assert!(is_committed(&committing.await.unwrap()[0]));
        assert_eq!(follow(&*store, &mut after).await, expected, "{end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn readers_do_not_wait_for_unrelated_transactions() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    let other = raw(&database.uri()).await;
    let sql = "BEGIN; CREATE TABLE unrelated (); SELECT pg_current_xact_id()";
    other.batch_execute(sql).await.unwrap();
    let mut after = 0;
    for position in 1..=3 {
        assert!(is_committed(&commit(&*store, vec![unit(Lane::Primary, &account("a"))]).await[0]));
        assert_eq!(follow(&*store, &mut after).await, [position]);
    }
    other.batch_execute("COMMIT").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn commits_of_another_store_are_announced_soon() {
    let database = database();
    let (ours, theirs) = (prepared(&database.uri(), &[]).await, open(&database.uri()).await);
    let (mut waits, mut commits) = (Vec::new(), ours.commits());
    for number in 0..50 {
        // Our own commits must not hide any of theirs.
        if number % 3 == 0 {
            commit(&*ours, vec![unit(Lane::Primary, &account("ours"))]).await;
        }
        let before = *commits.borrow_and_update();
        commit(&*theirs, vec![unit(Lane::Primary, &account("theirs"))]).await;
        let begun = Instant::now();
        let announced = commits.wait_for(|now| *now > before);
        tokio::time::timeout(Duration::from_secs(5), announced).await.unwrap().unwrap();
        waits.push(begun.elapsed());
    }
    waits.sort();
    assert!(waits[25] < Duration::from_millis(100), "{waits:?}");
}
