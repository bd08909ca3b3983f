//! Connections and servers that end during a commit.

use std::collections::HashSet;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protean_port::message::Lane;
use protean_port::port::{Outcome, Provider, Store};
use protean_test_servers::{Database, Postgres};

use crate::proxy::{Fate, Proxy};
use crate::{account, commit, database, ids, is_committed, location, open, prepared, unit};

const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

pub(crate) async fn commit_one(store: &dyn Store) -> Outcome {
    commit(store, vec![unit(Lane::Primary, &account("a"))]).await.remove(0)
}

pub(crate) async fn until_committed(store: &dyn Store) {
    let begun = Instant::now();
    while !is_committed(&commit_one(store).await) {
        assert!(begun.elapsed() < Duration::from_secs(30), "no commit succeeds again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Commits one unit after the other until it is stopped; returns their outcomes.
async fn commit_on(
    store: Arc<dyn Store>,
    mut stop: tokio::sync::watch::Receiver<bool>,
) -> Vec<(Arc<str>, Outcome)> {
    let mut outcomes = Vec::new();
    while !*stop.borrow_and_update() {
        let changes = unit(Lane::Primary, &account("a"));
        let id = Arc::clone(&changes.appends[0].message.id);
        outcomes.push((id, commit(&*store, vec![changes]).await.remove(0)));
    }
    outcomes
}

/// A store on a prepared database, behind a proxy, with what else its URI says.
pub(crate) async fn behind_a_proxy(
    server: &Postgres,
    database: &Database,
    options: &str,
) -> (Arc<dyn Store>, Proxy) {
    drop(prepared(&database.uri(), &[]).await);
    let proxy = Proxy::before(server.port()).await;
    let (direct, through) = (format!(":{}/", server.port()), format!(":{}/", proxy.port));
    (open(&(database.uri().replace(&direct, &through) + options)).await, proxy)
}

/// Checks that each committed message is there once, and no other message.
async fn is_exact(store: &dyn Store, outcomes: &[(Arc<str>, Outcome)]) {
    let found = ids(store, &account("a")).await;
    let once: HashSet<_> = found.iter().collect();
    assert_eq!(once.len(), found.len(), "each message is there once");
    for (id, outcome) in outcomes {
        assert_eq!(is_committed(outcome), once.contains(id), "{id}: {outcome:?}");
    }
    assert!(store.broken_streams(9).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_commit_whose_answer_is_lost_is_known_to_be_committed() {
    let database = database();
    let (store, proxy) = behind_a_proxy(Postgres::shared(), &database, "").await;
    for expected in 1..=3 {
        proxy.next_commit(Fate::Unanswered);
        let outcome = commit_one(&*store).await;
        assert!(proxy.is_done());
        assert!(is_committed(&outcome), "{outcome:?}");
        assert_eq!(ids(&*store, &account("a")).await.len(), expected);
    }
}

/// Makes every COMMIT wait while the lock 77 is held.
const SLOW: &str = "\
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \
        'BEGIN PERFORM pg_advisory_xact_lock_shared(77); RETURN NULL; END'; \
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON messages \
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()";

/// Waits until a COMMIT hangs, and ends its connection.
fn terminate_a_commit(database: &Database) {
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE datname = current_database() AND query = 'COMMIT' AND wait_event = 'advisory'";
    let begun = Instant::now();
    while database.run(sql) == "0" {
        assert!(begun.elapsed() < Duration::from_secs(20), "no COMMIT waits");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_commit_that_is_ended_by_the_server_is_known_to_have_failed() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    database.run(SLOW);
    let holder = crate::raw(&database.uri()).await;
    holder.batch_execute("SELECT pg_advisory_lock(77)").await.unwrap();
    let committing = tokio::spawn({
        let store = Arc::clone(&store);
        async move { commit_one(&*store).await }
    });
    tokio::task::block_in_place(|| terminate_a_commit(&database));
    let outcome = committing.await.unwrap();
    assert!(matches!(outcome, Outcome::Unavailable(_)), "{outcome:?}");
    holder.batch_execute("SELECT pg_advisory_unlock(77)").await.unwrap();
    assert!(ids(&*store, &account("a")).await.is_empty());
    until_committed(&*store).await;
    assert_eq!(ids(&*store, &account("a")).await.len(), 1);
}

/// Repeats a query until its answer differs from the given one.
fn until_other(database: &Database, sql: &str, answer: &str) -> String {
    let begun = Instant::now();
    loop {
        let found = database.run(sql);
        if found != answer {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{sql} gives {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn waits_for_a_running_commit_whose_answer_is_lost() {
    let database = database();
    let (store, proxy) = behind_a_proxy(Postgres::shared(), &database, "").await;
    database.run(SLOW);
    let holder = crate::raw(&database.uri()).await;
    holder.batch_execute("SELECT pg_advisory_lock(77)").await.unwrap();
    proxy.next_commit(Fate::Unanswered);
    let committing = tokio::spawn({
        let store = Arc::clone(&store);
        async move { commit_one(&*store).await }
    });
    // The COMMIT waits for the holder, and the check of its outcome waits for the COMMIT.
    let both = "SELECT count(*) = 2 OR $1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while tokio::task::block_in_place(|| {
        database.run(&both.replace("$1", &committing.is_finished().to_string()))
    }) == "f"
    {}
    assert!(!committing.is_finished(), "it was not waited for");
    holder.batch_execute("SELECT pg_advisory_unlock(77)").await.unwrap();
    let outcome = committing.await.unwrap();
    assert!(is_committed(&outcome), "{outcome:?}");
    assert_eq!(ids(&*store, &account("a")).await.len(), 1);
}

/// The number that the server gave a transaction whose COMMIT hangs.
const NUMBER: &str = "SELECT backend_xid FROM pg_stat_activity \
    WHERE datname = current_database() AND query = 'COMMIT' AND wait_event = 'advisory'";

/// Halts the process that writes the log of the server in the background, while it is idle:
/// then only a commit flushes the log. A server that ends at once kills it after 5 s.
fn halt_the_log_writer(database: &Database) {
    let idle = "SELECT pid FROM pg_stat_activity \
                WHERE backend_type = 'walwriter' AND wait_event = 'WalWriterMain'";
    let signal = |signal, pid: &str| {
        assert!(Command::new("kill").args([signal, pid]).status().unwrap().success());
    };
    loop {
        let pid = until_other(database, idle, "");
        signal("-STOP", &pid);
        if database.run(idle) == pid {
            return;
        }
        signal("-CONT", &pid);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_commit_lost_in_a_crash_is_not_confused_with_one_that_reuses_its_number() {
    let server = Postgres::start("-c autovacuum=off -c bgwriter_lru_maxpages=0");
    let database = server.own_database();
    let (store, proxy) = behind_a_proxy(&server, &database, "").await;
    assert!(is_committed(&commit_one(&*store).await));
    database.run(SLOW);
    let holder = crate::raw(&database.uri()).await;
    holder.batch_execute("SELECT pg_advisory_lock(77)").await.unwrap();
    tokio::task::block_in_place(|| halt_the_log_writer(&database));
    let committing = tokio::spawn({
        let store = Arc::clone(&store);
        async move { commit_one(&*store).await }
    });
    let number = tokio::task::block_in_place(|| until_other(&database, NUMBER, ""));
    proxy.shut(true);
    tokio::task::block_in_place(|| {
        server.stop("immediate");
        server.resume();
        let next = "SELECT pg_current_xact_id()";
        while database.run(next).parse::<u64>().unwrap() < number.parse().unwrap() {}
    });
    assert_eq!(database.run(&format!("SELECT pg_xact_status('{number}')")), "committed");
    proxy.shut(false);
    let outcome = committing.await.unwrap();
    assert!(matches!(outcome, Outcome::Unavailable(_)), "{outcome:?}");
    until_committed(&*store).await;
    assert_eq!(ids(&*store, &account("a")).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn reconnects_after_connections_are_terminated_and_loses_nothing() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let committing = tokio::spawn(commit_on(Arc::clone(&store), stopped));
    for _ in 0..10 {
        tokio::task::block_in_place(|| database.run(TERMINATE));
    }
    // On a busy machine no connection may have lasted for one commit until now.
    for _ in 0..3 {
        until_committed(&*store).await;
    }
    stop.send(true).unwrap();
    let outcomes = committing.await.unwrap();
    until_committed(&*store).await;
    is_exact(&*store, &outcomes).await;
    assert!(outcomes.iter().any(|(_, outcome)| is_committed(outcome)));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_crash_during_commits_keeps_exactly_what_was_acknowledged() {
    let server = Postgres::start("-c fsync=on");
    let database = server.own_database();
    let store = prepared(&database.uri(), &[]).await;
    for how in ["immediate", "fast"] {
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let committing = tokio::spawn(commit_on(Arc::clone(&store), stopped));
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(200) {
            tokio::task::yield_now().await;
        }
        tokio::task::block_in_place(|| server.stop(how));
        // A commit that hangs waits for the server; none succeeds without it.
        let alone = tokio::time::timeout(Duration::from_millis(300), commit_one(&*store)).await;
        assert!(!alone.is_ok_and(|outcome| is_committed(&outcome)), "{how}");
        tokio::task::block_in_place(|| server.resume());
        until_committed(&*store).await;
        stop.send(true).unwrap();
        let outcomes = committing.await.unwrap();
        is_exact(&*store, &outcomes).await;
        assert!(outcomes.iter().any(|(_, outcome)| is_committed(outcome)), "{how}");
    }
}

/// The speed of a store relative to another one: the median of many alternating rounds.
async fn pace(store: &dyn Store, beside: &dyn Store) -> f64 {
    let mut paces = Vec::new();
    for _ in 0..60 {
        let mut times = [0.0; 2];
        for (time, store) in times.iter_mut().zip([beside, store]) {
            let begun = Instant::now();
            for _ in 0..12 {
                assert!(is_committed(&commit_one(store).await));
            }
            *time = begun.elapsed().as_secs_f64();
        }
        paces.push(times[0] / times[1]);
    }
    paces.sort_by(f64::total_cmp);
    paces[paces.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_store_is_as_fast_as_before_once_it_has_reconnected() {
    let (database, another) = (database(), database());
    let store = prepared(&database.uri(), &[]).await;
    let beside = prepared(&another.uri(), &[]).await;
    pace(&*store, &*beside).await;
    let before = pace(&*store, &*beside).await;
    tokio::task::block_in_place(|| database.run(TERMINATE));
    until_committed(&*store).await;
    let after = pace(&*store, &*beside).await;
    eprintln!("the rate afterwards is {:.3} of the rate before", after / before);
    // Compiling the statements for each commit would cost a third.
    assert!(after >= before * 0.72, "{before:.2} of the other before, {after:.2} after");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn waits_for_a_server_that_has_no_connection_left() {
    let server = Postgres::start("-c max_connections=16");
    let database = server.own_database();
    let store = prepared(&database.uri(), &[]).await;
    let mut others = Vec::new();
    let refused = loop {
        match protean_postgres::Postgres.open(&location(&database.uri())).await {
            Ok(other) => others.push(other),
            Err(refused) => break refused,
        }
        assert!(others.len() < 16, "no store was refused");
    };
    assert!(refused.is_unavailable(), "{refused}");
    assert!(refused.to_string().contains("raise max_connections"), "{refused}");
    assert!(is_committed(&commit_one(&*store).await), "a store with a connection still works");
    // Now all stores reconnect at once.
    tokio::task::block_in_place(|| server.stop("fast"));
    tokio::task::block_in_place(|| server.resume());
    let all = others.iter().chain([&store]).map(|store| until_committed(&**store));
    futures_util::future::join_all(all).await;
    drop(others);
    until_committed(&*open(&database.uri()).await).await;
    assert!(store.broken_streams(9).await.unwrap().is_empty());
}
