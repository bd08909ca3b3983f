//! How tables are laid out in the database, and what cannot be extended.

use protean_port::message::{Column, ColumnKind, Lane, Table, Value};
use protean_port::port::{Changes, Store};

use crate::samples::{changes as samples, counts};
use crate::{account, column, commit, database, open, people, person, prepared, unit};

async fn refused(store: &dyn Store, table: Table) -> String {
    store.prepare(&[table], &[]).await.unwrap_err().to_string()
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn the_documented_query_of_the_outbox_works() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    commit(&*store, vec![unit(Lane::Backfill, &account("a"))]).await;
    let sql =
        "SELECT message_id, priority, stream_name FROM outbox ORDER BY created_at DESC LIMIT 10";
    assert!(database.run(sql).ends_with("|-100|bank::account-a"));
    let sql = "SELECT status, created_at, metadata_::json->'domain'->>'kind' FROM outbox";
    assert_eq!(database.run(sql), "published|2026-11-18T11:06:40.123456+00:00|EVENT");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn refuses_what_cannot_be_extended() {
    let database = database();
    let store = prepared(&database.uri(), &[people()]).await;
    let rows = vec![person("p", Value::text("e"), Value::Null)];
    commit(&*store, vec![Changes { rows, ..Changes::new(Lane::Primary) }]).await;
    let mut required = people();
    required.columns.push(Column { nullable: false, ..column("age", ColumnKind::Integer) });
    let mut changed = people();
    changed.columns[1].kind = ColumnKind::Decimal;
    let mut stricter = people();
    stricter.columns[1].nullable = false;
    let mut looser = people();
    looser.columns[1].unique = false;
    for (table, found) in [
        (required, "age"),
        (changed, "numeric"),
        (stricter, "text NOT NULL"),
        (looser, "DROP INDEX"),
    ] {
        let error = refused(&*store, table).await;
        assert!(error.contains("people") && error.contains(found), "{error}");
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn refuses_names_that_are_more_than_names() {
    let database = database();
    let store = open(&database.uri()).await;
    let long = "x".repeat(64);
    for name in ["messages", "pg_x", "a\"; DROP TABLE messages", "Ä", &long] {
        let error = refused(&*store, Table { name: name.into(), ..people() }).await;
        assert!(error.contains(name), "{error}");
    }
    let longest = Table { name: "x".repeat(63), ..people() };
    store.prepare(std::slice::from_ref(&longest), &[]).await.unwrap();
    store.prepare(std::slice::from_ref(&longest), &[]).await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn refuses_a_database_of_a_later_release() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    database.run("INSERT INTO \"protean.layout\" VALUES (99)");
    let error = store.prepare(&[], &[]).await.unwrap_err().to_string();
    assert!(error.contains("layout 99") && error.contains("newer release"), "{error}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn writers_leave_nothing_behind() {
    let database = database();
    let (ours, theirs) = (prepared(&database.uri(), &[]).await, open(&database.uri()).await);
    for store in [&ours, &theirs, &ours] {
        commit(&**store, vec![unit(Lane::Primary, &account("a"))]).await;
    }
    let writers = || database.run("SELECT count(*) FROM \"protean.writers\"");
    assert_eq!(writers(), "2");
    drop(theirs);
    assert_eq!(writers(), "1");
    // One that was killed, and one that may be alive.
    database.run(
        "INSERT INTO \"protean.writers\" \
         VALUES ('gone', 1, now() - interval '31 days'), ('quiet', 1, now() - interval '29 days')",
    );
    ours.prepare(&[], &[]).await.unwrap();
    assert_eq!(writers(), "2");
    ours.destroy(&[]).await.unwrap();
    let left = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(database.run(left), "0");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn statements_for_a_person_do_what_they_say() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    let run = |sql: &str| drop(database.run(sql));
    samples::statements_for_a_person_do_what_they_say(&*store, run).await;
    samples::statements_lead_back(&*store, run).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_program_that_runs_on_beside_a_renaming_damages_nothing() {
    let database = database();
    let (older, newer) = (prepared(&database.uri(), &[]).await, open(&database.uri()).await);
    samples::an_older_program_damages_nothing(&*older, &*newer).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn what_was_counted_is_not_read_again() {
    let older = "DROP TABLE message_counts; DROP TABLE \"protean.correlations\"; DROP TABLE \"protean.scheduled\"; DROP TABLE protean_intake; DROP TABLE protean_intake_rejects; \
                 UPDATE \"protean.layout\" SET version = 3";
    for older in ["SELECT", older] {
        let database = database();
        let store = prepared(&database.uri(), &[]).await;
        let run = |sql: &str| drop(database.run(sql));
        counts::what_was_counted_is_not_read_again(&*store, older, run).await;
    }
}
