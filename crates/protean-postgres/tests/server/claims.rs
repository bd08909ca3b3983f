//! Which process reads after another one is killed.

use std::io::{BufRead, BufReader, Write};
use std::time::{Duration, Instant};

use protean_port::port::{Claim, Store};

use crate::stores::spawn;
use crate::{database, open, prepared};

/// Claims, notes, and holds on until it is killed.
pub(crate) async fn hold(store: &dyn Store) {
    let claim = store.claim("g").await.unwrap().unwrap();
    claim.note(&[7, 9]).await.unwrap();
    std::io::stdout().write_all(b"\nclaimed\n").unwrap();
    std::thread::sleep(Duration::from_secs(60));
    drop(claim);
}

/// Ends the process right after a note.
pub(crate) async fn note_and_abort(store: &dyn Store) {
    let claim = store.claim("g").await.unwrap().unwrap();
    let left = claim.left().iter().sum::<u64>();
    for position in 0..50 {
        claim.note(&[position]).await.unwrap();
    }
    claim.note(&[left, 1]).await.unwrap();
    std::process::abort();
}

/// Waits for the claim for as long as a dead process may keep it.
async fn taken(store: &dyn Store) -> Box<dyn Claim> {
    let begun = Instant::now();
    loop {
        if let Some(claim) = store.claim("g").await.unwrap() {
            return claim;
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "the claim should be free by now");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_killed_holder_leaves_its_notes_to_the_next_one() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    let mut child = spawn("claim", &database.uri());
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map_while(Result::ok);
    assert!(lines.any(|line| line == "claimed"));
    assert!(store.claim("g").await.unwrap().is_none(), "the other process holds it");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(taken(&*store).await.left(), [7, 9]);
}

const SLOW: &str = "\
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \
        'BEGIN PERFORM pg_sleep(0.004); RETURN NEW; END'; \
    CREATE TRIGGER slow BEFORE UPDATE ON \"protean.claims\" FOR EACH ROW EXECUTE FUNCTION slow()";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn the_last_note_of_a_process_that_aborts_is_never_lost() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    // Notes are made faster than they are written.
    database.run(SLOW);
    for round in 0..4 {
        assert!(!spawn("abort", &database.uri()).wait().unwrap().success());
        assert_eq!(taken(&*store).await.left(), [round, 1]);
    }
}

const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_locks \
    WHERE locktype = 'advisory' \
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

const HOLDER: &str = "SELECT string_agg(pid::text, ',') FROM pg_locks \
    WHERE locktype = 'advisory' \
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Notes until it fails.
async fn note_until_refused(claim: &dyn Claim) {
    let begun = Instant::now();
    while claim.note(&[1]).await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it is never refused");
    }
}

/// Waits until a claim is lost.
async fn lost(claim: &dyn Claim) {
    let lost = tokio::time::timeout(Duration::from_secs(1), claim.lost()).await;
    assert!(lost.is_ok(), "its holder learns nothing of the loss");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_claim_whose_connection_ends_is_taken_again() {
    let database = database();
    let (ours, theirs) = (prepared(&database.uri(), &[]).await, open(&database.uri()).await);
    let claim = ours.claim("g").await.unwrap().unwrap();
    let holder = || tokio::task::block_in_place(|| database.run(HOLDER));
    let before = holder();
    tokio::task::block_in_place(|| database.run(TERMINATE));
    lost(&*claim).await;
    assert!(claim.note(&[1]).await.is_err(), "a lost claim stays lost");
    let again = ours.claim("g").await.unwrap().unwrap();
    assert!(!holder().is_empty() && holder() != before, "another connection holds it");
    drop(claim);
    again.note(&[1]).await.unwrap();
    assert!(theirs.claim("g").await.unwrap().is_none(), "dropping a lost claim frees nothing");
    drop(again);
    assert_eq!(taken(&*theirs).await.left(), [1]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_note_fails_once_another_process_has_the_claim() {
    let database = database();
    let (ours, theirs) = (prepared(&database.uri(), &[]).await, open(&database.uri()).await);
    let lost = ours.claim("g").await.unwrap().unwrap();
    tokio::task::block_in_place(|| database.run(TERMINATE));
    let held = taken(&*theirs).await;
    note_until_refused(&*lost).await;
    held.note(&[2]).await.unwrap();
    assert!(lost.note(&[3]).await.unwrap_err().to_string().contains("another process may read"));
    drop(held);
    assert_eq!(taken(&*open(&database.uri()).await).await.left(), [2]);
}
