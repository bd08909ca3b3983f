//! How long one process can delay the others.

use std::sync::Arc;

use protean_port::message::Lane;
use protean_port::port::Outcome;
use protean_test_servers::Postgres;

use crate::faults::{behind_a_proxy, commit_one, until_committed};
use crate::proxy::Fate;
use crate::{account, commit, database, ids, is_committed, open, prepared, raw, unit};

/// Records the settings of the connection that writes.
const NOTED: &str = "\
    CREATE TABLE noted (waits text); \
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS \
        'BEGIN INSERT INTO noted VALUES (current_setting(''lock_timeout'') || '','' || \
            current_setting(''idle_in_transaction_session_timeout'')); RETURN NULL; END'; \
    CREATE TRIGGER note AFTER INSERT ON messages FOR EACH ROW EXECUTE FUNCTION note()";

const LONGER: &str = "DO $$ BEGIN EXECUTE format(\
    'ALTER DATABASE %I SET lock_timeout = ''1h''', current_database()); END $$";

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_connection_waits_and_idles_for_at_most_ten_seconds() {
    let database = database();
    drop(prepared(&database.uri(), &[]).await);
    database.run(NOTED);
    for (before, options, expected) in [
        ("", "", "10s,10s"),
        (LONGER, "", "10s,10s"),
        (LONGER, "?options=-c%20lock_timeout%3D9s", "9s,10s"),
        (LONGER, "?options=-c%20idle_in_transaction_session_timeout%3D9s", "10s,9s"),
    ] {
        database.run(before);
        let store = open(&(database.uri() + options)).await;
        assert!(is_committed(&commit_one(&*store).await));
        assert_eq!(database.run("DELETE FROM noted RETURNING waits"), expected, "{options}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_writer_that_cannot_lock_the_log_names_the_holder() {
    let database = database();
    drop(prepared(&database.uri(), &[]).await);
    let store = open(&(database.uri() + "?options=-c%20lock_timeout%3D50ms")).await;
    let holder = raw(&database.uri()).await;
    let pid: i32 = holder.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    holder.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(1349678190, 1)").await.unwrap();
    let outcome = commit_one(&*store).await;
    let Outcome::Unavailable(why) = &outcome else { panic!("{outcome:?}") };
    let held = format!("for 50ms because its log is locked; the process {pid} of the server (idle");
    assert!(why.contains(&held), "{why}");
    holder.batch_execute("COMMIT").await.unwrap();
    assert!(is_committed(&commit_one(&*store).await));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn production_does_not_wait_for_the_bulk_transaction_of_its_own_process() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    let holder = raw(&database.uri()).await;
    let waiting = "SELECT 1 FROM pg_locks JOIN pg_database d ON d.oid = database \
        WHERE NOT granted AND objid = 2 AND datname = current_database()";
    holder.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(1349678190, 2)").await.unwrap();
    let bulk = tokio::spawn({
        let store = Arc::clone(&store);
        async move { commit(&*store, vec![unit(Lane::Backfill, &account("b"))]).await.remove(0) }
    });
    while holder.query(waiting, &[]).await.unwrap().is_empty() {}
    assert!(is_committed(&commit_one(&*store).await));
    assert!(!bulk.is_finished());
    holder.batch_execute("COMMIT").await.unwrap();
    assert!(is_committed(&bulk.await.unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_writer_that_stalls_before_its_commit_loses_its_transaction() {
    let database = database();
    let options = "?options=-c%20idle_in_transaction_session_timeout%3D50ms";
    let (still, proxy) = behind_a_proxy(Postgres::shared(), &database, options).await;
    let other = open(&database.uri()).await;
    proxy.next_commit(Fate::Held);
    let begin = || {
        let still = Arc::clone(&still);
        tokio::spawn(async move { commit_one(&*still).await })
    };
    let mut held = begin();
    while !proxy.is_done() {
        // On a busy machine the server may end it before it reaches the COMMIT.
        if held.is_finished() {
            held = begin();
        }
        tokio::task::yield_now().await;
    }
    let outcome = commit_one(&*other).await;
    assert!(is_committed(&outcome), "{outcome:?}");
    let outcome = held.await.unwrap();
    assert!(matches!(outcome, Outcome::Unavailable(_)), "{outcome:?}");
    assert_eq!(ids(&*other, &account("a")).await.len(), 1);
    until_committed(&*still).await;
}
