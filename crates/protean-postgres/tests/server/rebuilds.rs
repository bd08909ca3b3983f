//! Tables that take the place of others, with what people have added to them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protean_port::message::Value;
use protean_port::port::Outcome;
use protean_test_servers::Database;

use crate::faults::commit_one;
use crate::samples::rebuilds::{
    an_older_version_is_refused_after_the_swap, fill, in_table, keys, rebuild,
};
use crate::{commit, database, is_committed, open, people, person, prepared, raw};

/// The names in the database that begin with this.
fn names(database: &Database, like: &str) -> String {
    database.run(&format!(
        "SELECT string_agg(relname, ',' ORDER BY relname COLLATE \"C\") FROM pg_class \
         WHERE relname LIKE '{like}%' AND relkind IN ('r', 'i')"
    ))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn indexes_go_along_under_their_names_time_after_time() {
    let database = database();
    let store = prepared(&database.uri(), &[people()]).await;
    database
        .run("CREATE INDEX by_balance ON people (balance) INCLUDE (id) WHERE email IS NOT NULL");
    database.run("CREATE UNIQUE INDEX \"by Lower\" ON people (lower(email))");
    let long = "x".repeat(63);
    database.run(&format!("CREATE INDEX {long} ON people USING hash (email)"));
    let defined = || {
        database.run(
            "SELECT string_agg(replace(pg_get_indexdef(indexrelid), 'ONLY ', ''), ';' \
                ORDER BY indexrelid::regclass::text) \
             FROM pg_index WHERE indrelid = 'people'::regclass AND NOT indisprimary",
        )
    };
    let before = defined();
    for number in 2..5 {
        rebuild(&*store, "a").await;
        assert_eq!(defined(), before);
        assert_eq!(names(&database, "by"), "by Lower,by_balance");
        let expected = format!("people,people.balance,people.email,people__g{number}_pkey");
        assert_eq!(names(&database, "people"), expected, "nothing is there twice");
        for (taken, index) in [("a", "email"), ("A", "by Lower")] {
            let mut again = in_table(&people(), "b");
            again.rows[0].change = person("b", Value::text(taken), Value::Null).change;
            let outcome = commit(&*store, vec![again]).await.remove(0);
            assert!(matches!(outcome, Outcome::Rejected(_)), "{index}: {outcome:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn grants_go_along() {
    let database = database();
    let store = prepared(&database.uri(), &[people()]).await;
    let (plain, odd) = ("rebuilds_plain", "\"rebuilds Odd\"");
    for sql in [
        format!("CREATE ROLE {plain}"),
        format!("CREATE ROLE {odd}"),
        format!("GRANT SELECT ON people TO {plain}"),
        format!("GRANT INSERT, UPDATE ON people TO {odd} WITH GRANT OPTION"),
        format!("GRANT SELECT (email), UPDATE (email) ON people TO {odd} WITH GRANT OPTION"),
        format!("GRANT SELECT (id) ON people TO {plain}"),
        "GRANT REFERENCES ON people TO PUBLIC".to_owned(),
        "GRANT SELECT (balance) ON people TO PUBLIC".to_owned(),
    ] {
        database.run(&sql);
    }
    let granted = || {
        database.run(
            "SELECT string_agg(f || ' ' || a, ';' ORDER BY f, a) FROM ( \
                SELECT '' AS f, unnest(relacl)::text AS a FROM pg_class WHERE oid = 'people'::regclass \
                UNION ALL SELECT attname, unnest(attacl)::text FROM pg_attribute \
                WHERE attrelid = 'people'::regclass) g",
        )
    };
    let before = granted();
    assert!(before.matches(';').count() >= 6, "{before}");
    for _ in 0..2 {
        rebuild(&*store, "a").await;
        assert_eq!(granted(), before);
    }
    for role in [plain, odd] {
        database.run(&format!("DROP OWNED BY {role}"));
        database.run(&format!("DROP ROLE {role}"));
    }
}

/// What rests on a table: how it is made and dropped, and what it is called.
const DEPENDENTS: &[(&str, &str, &str)] = &[
    ("CREATE VIEW best AS SELECT id FROM people", "DROP VIEW best", "the view 'best'"),
    (
        "CREATE MATERIALIZED VIEW best AS SELECT count(*) FROM people",
        "DROP MATERIALIZED VIEW best",
        "the view 'best'",
    ),
    (
        "CREATE RULE quiet AS ON DELETE TO people DO INSTEAD NOTHING",
        "DROP RULE quiet ON people",
        "the rule 'quiet'",
    ),
    (
        "CREATE TRIGGER loud AFTER INSERT ON people FOR EACH ROW EXECUTE FUNCTION heard()",
        "DROP TRIGGER loud ON people",
        "the trigger 'loud'",
    ),
    (
        "CREATE TABLE pets (owner text CONSTRAINT owned REFERENCES people)",
        "DROP TABLE pets",
        "the foreign key 'owned'",
    ),
    (
        "ALTER TABLE people ADD CONSTRAINT lives FOREIGN KEY (email) REFERENCES cities",
        "ALTER TABLE people DROP CONSTRAINT lives",
        "the foreign key 'lives'",
    ),
    (
        "ALTER TABLE people ADD CONSTRAINT rich CHECK (balance > 0)",
        "ALTER TABLE people DROP CONSTRAINT rich",
        "the constraint 'rich'",
    ),
    (
        "ALTER TABLE people ADD CONSTRAINT alone UNIQUE (balance, email)",
        "ALTER TABLE people DROP CONSTRAINT alone",
        "the constraint 'alone'",
    ),
    ("CREATE PUBLICATION news FOR TABLE people", "DROP PUBLICATION news", "the publication 'news'"),
    ("CREATE POLICY own ON people", "DROP POLICY own ON people", "the policy 'own'"),
    (
        "CREATE STATISTICS pairs ON email, balance FROM people",
        "DROP STATISTICS pairs",
        "the statistics 'pairs'",
    ),
    (
        "CREATE TABLE students () INHERITS (people)",
        "DROP TABLE students",
        "the inheritance of 'students'",
    ),
    (
        "CREATE FUNCTION many() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM people; END",
        "DROP FUNCTION many",
        "the function 'many'",
    ),
    ("CREATE TABLE copies (of people)", "DROP TABLE copies", "the column 'copies.of'"),
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn what_would_not_go_along_is_named_and_refused() {
    let database = database();
    let store = prepared(&database.uri(), &[people()]).await;
    database.run("CREATE TABLE cities (id text PRIMARY KEY)");
    database.run(
        "CREATE FUNCTION heard() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    );
    let swap = fill(&*store, "new").await;
    for &(made, dropped, named) in DEPENDENTS {
        database.run(made);
        assert_eq!(store.dependents("people").await.unwrap(), [named], "{made}");
        let refused = store.swap(&swap).await.unwrap_err();
        assert!(refused.is_misuse() && refused.to_string().contains(named), "{refused}");
        assert_eq!(keys(&*store).await, [] as [Value; 0]);
        database.run(dropped);
    }
    assert_eq!(store.dependents("people").await.unwrap(), [] as [String; 0]);
    store.swap(&swap).await.unwrap();
    assert_eq!(keys(&*store).await, [Value::text("new")]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_query_that_does_not_end_keeps_a_swap_off_and_nobody_else() {
    let database = database();
    let store = prepared(&database.uri(), &[people()]).await;
    let swap = fill(&*store, "new").await;
    let reader = raw(&database.uri()).await;
    reader.batch_execute("BEGIN; SELECT * FROM people").await.unwrap();
    let other = open(&database.uri()).await;
    let began = Instant::now();
    let swapping = tokio::spawn({
        let (store, swap) = (Arc::clone(&store), swap.clone());
        async move { store.swap(&swap).await }
    });
    let mut longest = Duration::ZERO;
    while !swapping.is_finished() {
        let began = Instant::now();
        assert!(is_committed(&commit_one(&*other).await));
        longest = longest.max(began.elapsed());
    }
    let kept_off = swapping.await.unwrap().unwrap_err();
    assert!(kept_off.is_unavailable(), "{kept_off}");
    assert!(kept_off.to_string().contains("the table 'people' is in use"), "{kept_off}");
    let took = began.elapsed();
    assert!(took > Duration::from_millis(450) && took < Duration::from_secs(3), "{took:?}");
    assert!(longest < Duration::from_secs(2), "a writer waited for {longest:?}");
    assert!(store.group_ids().await.unwrap().is_empty());
    reader.batch_execute("COMMIT").await.unwrap();
    store.swap(&swap).await.unwrap();
    assert_eq!(keys(&*store).await, [Value::text("new")]);
}

/// Ends every connection that waits for a lock on a table.
const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_locks \
    WHERE NOT granted AND locktype = 'relation' \
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
/// How many connections wait for one.
const WAITING: &str = "SELECT count(*) FROM pg_locks \
    WHERE NOT granted AND locktype = 'relation' \
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_process_that_ends_amid_a_swap_has_changed_nothing() {
    let database = database();
    let store = prepared(&database.uri(), &[people()]).await;
    assert!(is_committed(&commit(&*store, vec![in_table(&people(), "old")]).await[0]));
    let swap = fill(&*store, "new").await;
    let holder = raw(&database.uri()).await;
    for held in ["people", "removed", "people__g2", "enrolments", "parked", "group_names"] {
        for is_terminated in [false, true] {
            let mode = if held.starts_with("people") { "ACCESS SHARE" } else { "EXCLUSIVE" };
            holder
                .batch_execute(&format!("BEGIN; LOCK TABLE {held} IN {mode} MODE"))
                .await
                .unwrap();
            let swapping = tokio::spawn({
                let (store, swap) = (Arc::clone(&store), swap.clone());
                async move { store.swap(&swap).await }
            });
            while tokio::task::block_in_place(|| database.run(WAITING)) == "0" {
                assert!(!swapping.is_finished(), "{held}: {swapping:?}");
            }
            if is_terminated {
                tokio::task::block_in_place(|| database.run(TERMINATE));
                assert!(swapping.await.unwrap().is_err(), "{held}");
            } else {
                swapping.abort();
                assert!(swapping.await.unwrap_err().is_cancelled());
            }
            holder.batch_execute("ROLLBACK").await.unwrap();
            assert!(is_committed(&commit_one(&*store).await), "{held}: the log is free again");
            assert_eq!(keys(&*store).await, [Value::text("old")], "{held}");
            assert!(store.group_ids().await.unwrap().is_empty(), "{held}");
        }
    }
    store.swap(&swap).await.unwrap();
    assert_eq!(keys(&*store).await, [Value::text("new")]);
    while store.clear(&swap).await.unwrap() {}
    rebuild(&*store, "newest").await;
    assert_eq!(keys(&*store).await, [Value::text("newest")]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_dropped_database_has_no_successors_left() {
    let database = database();
    let store = prepared(&database.uri(), &[people()]).await;
    rebuild(&*store, "a").await;
    let swap = fill(&*store, "b").await;
    store.swap(&swap).await.unwrap();
    fill(&*store, "c").await;
    database.run("CREATE TABLE people__game (id text)");
    store.destroy(&[people()]).await.unwrap();
    assert_eq!(names(&database, "people"), "people__game", "that of another program stays");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn an_older_version_is_refused_after_a_rebuild() {
    let database = database();
    let store = prepared(&database.uri(), &[people()]).await;
    an_older_version_is_refused_after_the_swap(&*store).await;
}
