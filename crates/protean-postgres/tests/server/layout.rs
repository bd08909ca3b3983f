//! Tables as they are in the database, and what cannot be extended.

use protean_core::message::{Column, ColumnKind, Lane, Table, Value};
use protean_core::port::{Changes, Store};

use crate::{account, column, commit, database, open, people, person, prepared, unit};

async fn refused(store: &dyn Store, table: Table) -> String {
    store.prepare(&[table], &[]).await.unwrap_err().to_string()
}

#[tokio::test]
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
async fn refuses_a_database_of_a_later_release() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    database.run("INSERT INTO \"protean.layout\" VALUES (99)");
    let error = store.prepare(&[], &[]).await.unwrap_err().to_string();
    assert!(error.contains("layout 99") && error.contains("newer release"), "{error}");
}

#[tokio::test]
async fn a_database_of_the_first_layout_is_brought_forward() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    commit(&*store, vec![unit(Lane::Backfill, &account("a"))]).await;
    database.run(
        "DROP VIEW outbox; CREATE TABLE outbox_queue (position bigint PRIMARY KEY); \
         CREATE VIEW outbox AS SELECT position FROM outbox_queue; DELETE FROM \"protean.layout\"; \
         INSERT INTO \"protean.layout\" VALUES (1)",
    );
    store.prepare(&[], &[]).await.unwrap();
    assert_eq!(database.run("SELECT status FROM outbox"), "published");
    store.prepare(&[], &[]).await.unwrap();
}
