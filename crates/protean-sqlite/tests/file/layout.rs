//! How tables are laid out in the file, and what cannot be extended.

use protean_port::message::{Column, ColumnKind, Lane, Table, Value};
use protean_port::port::{Changes, Find, Store};
use rusqlite::Connection;

use crate::samples::{changes as samples, counts};
use crate::{account, column, commit, is_committed, open, people, person, prepared, unit};

async fn refused(store: &dyn Store, table: Table) -> String {
    store.prepare(&[table], &[]).await.unwrap_err().to_string()
}

#[tokio::test]
async fn the_documented_query_of_the_outbox_works() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[]).await;
    commit(&*store, vec![unit(Lane::Backfill, &account("a"))]).await;
    let shell = Connection::open(&path).unwrap();
    let sql = "SELECT message_id, priority, stream_name, status, created_at, json(metadata_) \
               FROM outbox ORDER BY created_at DESC LIMIT 10";
    let read = |row: &rusqlite::Row<'_>| {
        Ok((row.get::<_, i64>(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    };
    let row: (i64, String, String, String) = shell.query_row(sql, [], read).unwrap();
    let time = "2026-11-18T11:06:40.123456+00:00";
    assert_eq!(row, (-100, "bank::account-a".into(), "published".into(), time.into()));
}

#[tokio::test]
async fn refuses_what_cannot_be_extended() {
    let folder = tempfile::tempdir().unwrap();
    let store = prepared(&folder.path().join("a.db"), &[people()]).await;
    let rows = vec![person("p", Value::text("e"), Value::Null)];
    commit(&*store, vec![Changes { rows, ..Changes::new(Lane::Primary) }]).await;
    let mut required = people();
    required.columns.push(Column { nullable: false, ..column("age", ColumnKind::Integer) });
    let mut changed = people();
    changed.columns[1].kind = ColumnKind::Integer;
    let mut stricter = people();
    stricter.columns[1].nullable = false;
    let mut looser = people();
    looser.columns[1].unique = false;
    for (table, found) in [
        (required, "age"),
        (changed, "INTEGER"),
        (stricter, "TEXT NOT NULL"),
        (looser, "DROP INDEX"),
    ] {
        let error = refused(&*store, table).await;
        assert!(error.contains("people") && error.contains(found), "{error}");
    }
}

#[tokio::test]
async fn a_required_column_is_added_while_there_are_no_rows() {
    let folder = tempfile::tempdir().unwrap();
    let store = prepared(&folder.path().join("a.db"), &[people()]).await;
    let mut table = people();
    table.columns.push(Column { nullable: false, ..column("age", ColumnKind::Integer) });
    store.prepare(&[table.clone()], &[]).await.unwrap();
    store.prepare(&[table], &[]).await.unwrap();
}

#[tokio::test]
async fn refuses_names_that_are_more_than_names() {
    let folder = tempfile::tempdir().unwrap();
    let store = prepared(&folder.path().join("a.db"), &[]).await;
    for name in ["messages", "outbox", "sqlite_x", "a\";DROP TABLE messages", "Capital", "", "1st"]
    {
        refused(&*store, Table { name: name.into(), ..people() }).await;
    }
    for name in ["_version", "id", "a b", "x\""] {
        let mut table = people();
        table.columns.push(column(name, ColumnKind::Text));
        refused(&*store, table).await;
    }
}

#[tokio::test]
async fn refuses_a_file_of_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE messages (x)").unwrap();
    let store = open(&path).await;
    let error = store.prepare(&[], &[]).await.unwrap_err().to_string();
    assert!(error.contains("a.db") && error.contains("another file"), "{error}");
}

#[tokio::test]
async fn upgrades_a_file_of_the_first_layout() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[]).await;
    commit(&*store, vec![unit(Lane::Primary, &account("a"))]).await;
    drop(store);
    let shell = Connection::open(&path).unwrap();
    let indexes = "SELECT name FROM sqlite_schema WHERE type = 'index' \
                   AND name IN ('messages_by_correlation', 'messages_by_id') ORDER BY name";
    let indexes = |shell: &Connection| -> Vec<String> {
        let mut statement = shell.prepare(indexes).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let present = indexes(&shell);
    assert_eq!(present.len(), 2);
    let older = "DROP INDEX messages_by_correlation; DROP INDEX messages_by_id; \
                 DROP INDEX idempotency_by_expiry; ALTER TABLE idempotency DROP COLUMN expires; \
                 INSERT INTO idempotency (command, key, message_id, time) VALUES ('c', 'k', 'm', 5); \
                 CREATE TABLE outbox_queue (position INTEGER PRIMARY KEY); \
                 DROP VIEW outbox; CREATE VIEW outbox AS SELECT position FROM outbox_queue; \
                 DROP TABLE log_id; DROP TABLE group_names; DROP TABLE message_counts; \
                 DROP TABLE \"protean.correlations\"; DROP TABLE \"protean.scheduled\"; DROP TABLE protean_intake; DROP TABLE protean_intake_rejects; ALTER TABLE enrolments DROP COLUMN versions; \
                 PRAGMA user_version = 1";
    shell.execute_batch(older).unwrap();
    let store = prepared(&path, &[]).await;
    assert_eq!(indexes(&shell), present);
    let chain = Find { correlation_id: Some("c".into()), ..Find::first(10) };
    assert_eq!(store.find(chain).await.unwrap().len(), 1);
    let expires = "SELECT expires FROM idempotency";
    let expires: i64 = shell.query_row(expires, [], |row| row.get(0)).unwrap();
    assert_eq!(expires, 5 + 86_400_000_000, "a key of before is kept for a day");
    let status = "SELECT status FROM outbox";
    let status: String = shell.query_row(status, [], |row| row.get(0)).unwrap();
    assert_eq!(status, "published", "the view is the present one");
    store.prepare(&[], &[]).await.unwrap();
}

#[tokio::test]
async fn refuses_a_file_of_a_later_release() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    drop(prepared(&path, &[]).await);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let uri = Some(path.display().to_string());
    let location = protean_port::port::Location { uri, ..Default::default() };
    let opened = protean_port::port::Provider::open(&protean_sqlite::Sqlite, &location).await;
    assert!(opened.err().unwrap().to_string().contains("newer release"));
}

#[tokio::test]
async fn destroying_leaves_no_file_beside_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[people()]).await;
    drop(store.claim("g").await.unwrap().unwrap());
    assert!(is_committed(&commit(&*store, vec![unit(Lane::Backfill, &account("a"))]).await[0]));
    store.destroy(&[people()]).await.unwrap();
    drop(store);
    let left = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["a.db"]);
}

#[tokio::test]
async fn statements_for_a_person_do_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[]).await;
    let shell = Connection::open(&path).unwrap();
    let run = |sql: &str| shell.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    samples::statements_for_a_person_do_what_they_say(&*store, run).await;
    samples::statements_lead_back(&*store, run).await;
}

#[tokio::test]
async fn a_program_that_runs_on_beside_a_renaming_damages_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (older, newer) = (prepared(&path, &[]).await, open(&path).await);
    samples::an_older_program_damages_nothing(&*older, &*newer).await;
}

#[tokio::test]
async fn what_was_counted_is_not_read_again() {
    let older = "DROP TABLE message_counts; DROP TABLE \"protean.correlations\"; DROP TABLE \"protean.scheduled\"; DROP TABLE protean_intake; DROP TABLE protean_intake_rejects; \
                 PRAGMA user_version = 5";
    for older in ["", older] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let store = prepared(&path, &[]).await;
        let shell = Connection::open(&path).unwrap();
        let run = |sql: &str| shell.execute_batch(sql).unwrap();
        counts::what_was_counted_is_not_read_again(&*store, older, run).await;
    }
}
