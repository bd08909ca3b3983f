//! Whatever was read survives a crash of the server.

use std::sync::Arc;
use std::time::Duration;

use protean_port::message::Lane;
use protean_port::port::Store;
use protean_test_servers::Postgres;

use crate::stores::follow;
use crate::{account, commit, ids, is_committed, open, prepared, raw, unit};

/// A slow disk: each flush takes a fifth of a second.
const SLOW_DISK: &str =
    "-c fsync=on -c commit_delay=100000 -c commit_siblings=0 -c wal_writer_delay=10s";

/// Commits while another store reads, and crashes the server once it has read something.
async fn crash_once_seen(server: &Postgres, writer: &Arc<dyn Store>, reader: &dyn Store) {
    let mut seen = ids(reader, &account("a")).await.len() as u64;
    let committing = tokio::spawn({
        let writer = Arc::clone(writer);
        async move { commit(&*writer, vec![unit(Lane::Primary, &account("a"))]).await }
    });
    while follow(reader, &mut seen).await.is_empty() {}
    tokio::task::block_in_place(|| server.stop("immediate"));
    server.resume();
    let outcome = committing.await.unwrap().remove(0);
    assert!(is_committed(&outcome), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_page_that_is_on_disk_does_not_wait_for_the_work_of_others() {
    let server = Postgres::start(SLOW_DISK);
    let database = server.own_database();
    let store = prepared(&database.uri(), &[]).await;
    let other = raw(&database.uri()).await;
    other.batch_execute("SET synchronous_commit = off; CREATE TABLE others (n int)").await.unwrap();
    assert!(is_committed(&commit(&*store, vec![unit(Lane::Primary, &account("a"))]).await[0]));
    // Opens the connection that reads, which makes the store forget what it knows.
    assert_eq!(follow(&*store, &mut 0).await.len(), 1);
    other.batch_execute("INSERT INTO others VALUES (1)").await.unwrap();
    let flushed = async || {
        let row = other.query_one("SELECT pg_current_wal_flush_lsn()::text", &[]).await.unwrap();
        row.get::<_, String>(0)
    };
    let before = flushed().await;
    assert_eq!(follow(&*store, &mut 0).await.len(), 1);
    assert_eq!(flushed().await, before, "the page has flushed what it does not depend on");
    // A store that has seen no flush makes one.
    let fresh = open(&database.uri()).await;
    assert_eq!(follow(&*fresh, &mut 0).await.len(), 1);
    assert_ne!(flushed().await, before);
}

/// Waits for a standby that does not exist.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn what_is_on_disk_here_waits_for_a_synchronous_standby_too() {
    let server = Postgres::start("-c fsync=on");
    let database = server.own_database();
    let (writer, reader) = (prepared(&database.uri(), &[]).await, open(&database.uri()).await);
    let admin = raw(&database.uri()).await;
    let standby = async |name: &str| {
        let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{name}'");
        admin.batch_execute(&set).await.unwrap();
        admin.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        let is_set = async || {
            let row = admin.query_one("SHOW synchronous_standby_names", &[]).await.unwrap();
            row.get::<_, String>(0) == name
        };
        while !is_set().await {}
    };
    assert!(is_committed(&commit(&*writer, vec![unit(Lane::Primary, &account("a"))]).await[0]));
    // Everything is on the local disk now, and nothing is written any more.
    admin.batch_execute("CHECKPOINT").await.unwrap();
    standby("nobody").await;
    let reading = async { follow(&*reader, &mut 0).await };
    tokio::pin!(reading);
    let waited = tokio::time::timeout(Duration::from_millis(500), &mut reading).await;
    assert!(waited.is_err(), "no standby has it");
    standby("").await;
    assert_eq!(reading.await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn messages_that_were_read_survive_a_crash() {
    let server = Postgres::start(SLOW_DISK);
    let database = server.own_database();
    let (writer, reader) = (prepared(&database.uri(), &[]).await, open(&database.uri()).await);
    for expected in 1..=3 {
        crash_once_seen(&server, &writer, &*reader).await;
        let fresh = open(&database.uri()).await;
        assert_eq!(ids(&*fresh, &account("a")).await.len(), expected);
    }
}
