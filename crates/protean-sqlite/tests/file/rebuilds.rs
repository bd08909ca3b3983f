//! Tables that take the place of others, with what people have added to them.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use protean_port::message::Value;
use protean_port::port::Outcome;
use rusqlite::Connection;

use crate::processes::{PART, file, spawn};
use crate::samples::rebuilds::{
    GROUP, an_older_version_is_refused_after_the_swap, fill, in_table, keys, next_swap, rebuild,
};
use crate::{commit, is_committed, open, people, person, prepared};

/// The names in the file that begin with this.
fn names(path: &Path, like: &str) -> Vec<String> {
    let shell = Connection::open(path).unwrap();
    let sql = "SELECT name FROM sqlite_schema WHERE name LIKE ?1 ORDER BY name";
    let mut statement = shell.prepare(sql).unwrap();
    let found = statement.query_map([format!("{like}%")], |row| row.get(0)).unwrap();
    found.map(Result::unwrap).collect()
}

#[tokio::test]
async fn indexes_go_along_time_after_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[people()]).await;
    let shell = Connection::open(&path).unwrap();
    for sql in [
        "CREATE INDEX by_balance ON people (balance) WHERE email IS NOT NULL",
        "CREATE UNIQUE INDEX \"by lower\" ON people(lower(email))",
    ] {
        shell.execute(sql, []).unwrap();
    }
    for number in 2..5 {
        rebuild(&*store, "a").await;
        let expected = [format!("by lower__g{number}"), format!("by_balance__g{number}")];
        assert_eq!(names(&path, "by"), expected);
        let unique = names(&path, "people%.");
        let expected = ["balance", "email"].map(|column| format!("people__g{number}.{column}"));
        assert_eq!(unique, expected, "nothing is there twice");
        for (taken, index) in [("a", "email"), ("A", "by lower")] {
            let mut again = in_table(&people(), "b");
            let row = person("b", Value::text(taken), Value::Null);
            again.rows[0].change = row.change;
            let outcome = commit(&*store, vec![again]).await.remove(0);
            assert!(matches!(outcome, Outcome::Rejected(_)), "{index}: {outcome:?}");
        }
    }
    let plan = "EXPLAIN QUERY PLAN SELECT * FROM people WHERE balance = '1' AND email IS NOT NULL";
    // A connection that had read the schema before explains by that.
    let shell = Connection::open(&path).unwrap();
    let plan: String = shell.query_row(plan, [], |row| row.get(3)).unwrap();
    assert!(plan.contains("people__g4.balance") || plan.contains("by_balance__g4"), "{plan}");
    let swap = next_swap(&*store).await;
    assert_eq!(store.dependents("people").await.unwrap(), [] as [String; 0]);
    while store.abandon(&swap).await.unwrap() {}
}

#[tokio::test]
async fn what_would_not_go_along_is_named_and_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[people()]).await;
    let swap = fill(&*store, "new").await;
    let shell = Connection::open(&path).unwrap();
    for (made, dropped, named) in [
        ("CREATE VIEW best AS SELECT * FROM people", "DROP VIEW best", "the view 'best'"),
        ("CREATE VIEW best AS SELECT * FROM \"people\"", "DROP VIEW best", "the view 'best'"),
        ("CREATE VIEW best AS SELECT * FROM [People]", "DROP VIEW best", "the view 'best'"),
        (
            "CREATE TRIGGER heard AFTER INSERT ON people BEGIN SELECT 1; END",
            "DROP TRIGGER heard",
            "the trigger 'heard'",
        ),
        (
            "CREATE TABLE pets (owner TEXT REFERENCES People (id))",
            "DROP TABLE pets",
            "the foreign key of 'pets'",
        ),
    ] {
        shell.execute(made, []).unwrap();
        assert_eq!(store.dependents("people").await.unwrap(), [named], "{made}");
        let refused = store.swap(&swap).await.unwrap_err();
        assert!(refused.is_misuse() && refused.to_string().contains(named), "{refused}");
        assert_eq!(keys(&*store).await, [] as [Value; 0]);
        shell.execute(dropped, []).unwrap();
    }
    shell.execute("CREATE VIEW other AS SELECT 'people_of_old' AS id", []).unwrap();
    assert_eq!(store.dependents("people").await.unwrap(), [] as [String; 0]);
    store.swap(&swap).await.unwrap();
    assert_eq!(keys(&*store).await, [Value::text("new")]);
}

const SWAPPER: &str = "rebuilds::a_separate_swapper";

/// Swaps until it aborts at the given step, reached so often.
#[tokio::test]
async fn a_separate_swapper() {
    let Some(path) = file() else { return };
    let part = std::env::var(PART).unwrap();
    let (step, count) = part.rsplit_once(':').unwrap();
    let store = open(&path).await;
    let swap = next_swap(&*store).await;
    let left = AtomicU32::new(count.parse().unwrap());
    let end = move || {
        if left.fetch_sub(1, Ordering::SeqCst) == 1 {
            std::process::abort();
        }
    };
    fail::cfg_callback(step, end).unwrap();
    store.swap(&swap).await.unwrap();
    while store.clear(&swap).await.unwrap() {}
}

#[tokio::test]
async fn a_process_that_ends_amid_a_swap_has_done_all_of_it_or_nothing() {
    for (step, is_done) in [
        ("after a table is renamed:1", false),
        ("after a table is renamed:2", false),
        ("after the groups are swapped:1", false),
        ("after some rows are deleted:1", true),
        ("after some rows are deleted:2", true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let store = prepared(&path, &[people()]).await;
        assert!(is_committed(&commit(&*store, vec![in_table(&people(), "old")]).await[0]));
        let swap = fill(&*store, "new").await;
        drop(store);
        assert!(!spawn(SWAPPER, step, &path).wait().unwrap().success(), "{step}");
        let store = prepared(&path, &[people()]).await;
        let expected = if is_done { "new" } else { "old" };
        assert_eq!(keys(&*store).await, [Value::text(expected)], "{step}");
        assert_eq!(store.group_ids().await.unwrap().id(GROUP).ends_with("#2"), is_done, "{step}");
        if !is_done {
            store.swap(&swap).await.unwrap();
        }
        while store.clear(&swap).await.unwrap() {}
        assert_eq!(keys(&*store).await, [Value::text("new")], "{step}");
        assert_eq!(names(&path, "people__g1"), [] as [&str; 0], "{step}");
        rebuild(&*store, "newest").await;
        assert_eq!(keys(&*store).await, [Value::text("newest")], "{step}");
    }
}

#[tokio::test]
async fn a_dropped_database_has_no_successors_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[people()]).await;
    rebuild(&*store, "a").await;
    let swap = fill(&*store, "b").await;
    store.swap(&swap).await.unwrap();
    fill(&*store, "c").await;
    let shell = Connection::open(&path).unwrap();
    shell.execute("CREATE TABLE people__game (id TEXT)", []).unwrap();
    store.destroy(&[people()]).await.unwrap();
    assert_eq!(names(&path, "people"), ["people__game"], "that of another program stays");
}

#[tokio::test]
async fn an_older_version_is_refused_after_a_rebuild() {
    let folder = tempfile::tempdir().unwrap();
    let store = prepared(&folder.path().join("a.db"), &[people()]).await;
    an_older_version_is_refused_after_the_swap(&*store).await;
}
