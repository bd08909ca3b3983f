//! Units that try to end their transaction.

use std::sync::Arc;

use protean_port::message::{Lane, Table, Value};
use protean_port::port::{Changes, Expect, Outcome, RowChange, RowWrite, Statement, Store};

use crate::{account, commit, is_committed, open, people, person, prepared, unit};

fn running(sql: &str) -> Changes {
    let statement = Statement { sql: sql.into(), parameters: Vec::new() };
    Changes { statements: vec![statement], ..unit(Lane::Primary, &account("rogue")) }
}

async fn count(store: &dyn Store) -> u64 {
    store.count(&people(), &protean_port::port::RowQuery::default()).await.unwrap()
}

#[tokio::test]
async fn statements_write_with_their_unit() {
    let folder = tempfile::tempdir().unwrap();
    let store = prepared(&folder.path().join("a.db"), &[people()]).await;
    let sql = "INSERT INTO people (id, email, _version) VALUES (?1, 'e', 0) RETURNING id";
    let statement = Statement { sql: sql.into(), parameters: vec![Value::text("p\0q")] };
    let changes = Changes { statements: vec![statement], ..Changes::new(Lane::Primary) };
    assert!(is_committed(&commit(&*store, vec![changes]).await[0]));
    assert!(store.row(&people(), "p\0q").await.unwrap().row.is_some());
}

#[tokio::test]
async fn a_statement_cannot_end_the_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let store = prepared(&folder.path().join("a.db"), &[people()]).await;
    for sql in ["COMMIT", "ROLLBACK", "SAVEPOINT x", "SELECT 1", "nonsense", "DELETE FROM nowhere"]
    {
        let units = vec![unit(Lane::Primary, &account("a")), running(sql)];
        let outcomes = commit(&*store, units).await;
        assert!(is_committed(&outcomes[0]), "{sql}: {outcomes:?}");
        let Outcome::Rejected(violations) = &outcomes[1] else { panic!("{sql}: {outcomes:?}") };
        assert_eq!(violations.get("statement").len(), 1);
    }
    assert!(store.stream(&account("rogue"), 0, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_unit_that_rolls_back_everything_is_left_out_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = prepared(&folder.path().join("a.db"), &[people()]).await;
    let taken = Changes {
        rows: vec![person("p", Value::Null, Value::Null)],
        ..Changes::new(Lane::Primary)
    };
    let rogue = running("INSERT OR ROLLBACK INTO people (id, _version) VALUES ('p', 0)");
    let otherwise = unit(Lane::Primary, &account("instead"));
    let rogue = Changes { otherwise: Some(Box::new(otherwise)), ..rogue };
    let last = unit(Lane::Primary, &account("last"));
    let outcomes = commit(&*store, vec![taken, rogue, last]).await;
    assert!(is_committed(&outcomes[0]) && is_committed(&outcomes[2]), "{outcomes:?}");
    assert!(matches!(outcomes[1], Outcome::Rejected(_)), "{outcomes:?}");
    assert_eq!(count(&*store).await, 1);
    for (stream, messages) in [("rogue", 0), ("instead", 1), ("last", 1)] {
        assert_eq!(store.stream(&account(stream), 0, 9).await.unwrap().len(), messages, "{stream}");
    }
}

#[tokio::test]
async fn equal_decimals_are_the_same_unique_value() {
    let folder = tempfile::tempdir().unwrap();
    let store = prepared(&folder.path().join("a.db"), &[people()]).await;
    let holding = |key: &str, amount: &str| {
        let balance = Value::Decimal(amount.parse().unwrap());
        let rows = vec![person(key, Value::Null, balance)];
        Changes { rows, ..Changes::new(Lane::Primary) }
    };
    let units =
        vec![holding("a", "100"), holding("b", "100.00"), holding("c", "1"), holding("d", "1.5")];
    let outcomes = commit(&*store, units).await;
    let Outcome::Rejected(violations) = &outcomes[1] else { panic!("{outcomes:?}") };
    assert_eq!(violations.get("balance"), ["is already taken"]);
    assert!(is_committed(&outcomes[2]) && is_committed(&outcomes[3]));
    let kept = store.row(&people(), "a").await.unwrap().row.unwrap();
    assert_eq!(kept[2], Value::Decimal("100".parse().unwrap()));
}

#[tokio::test]
async fn names_a_table_that_was_never_prepared() {
    let folder = tempfile::tempdir().unwrap();
    let store = prepared(&folder.path().join("a.db"), &[]).await;
    let table = Arc::new(Table { name: "ghosts".into(), ..people() });
    let change = RowChange::Put(vec![Value::text("g"), Value::Null, Value::Null].into());
    let write =
        RowWrite { table: Arc::clone(&table), key: "g".into(), expected: None, version: 0, change };
    let ghost = Changes { rows: vec![write], ..Changes::new(Lane::Primary) };
    let outcomes = commit(&*store, vec![ghost]).await;
    assert!(
        matches!(&outcomes[0], Outcome::Unavailable(why) if why.contains("ghosts")),
        "{outcomes:?}"
    );
    let error = store.row(&table, "g").await.unwrap_err().to_string();
    assert!(error.contains("db setup") && error.contains("a.db"), "{error}");
}

fn needs_people(lane: Lane) -> Changes {
    let rows = vec![person("p", Value::Null, Value::Null)];
    Changes { rows, ..unit(lane, &account("second")) }
}

/// True when these streams have this many messages.
async fn written(store: &dyn Store, expected: [(&str, usize); 3]) -> bool {
    for (stream, messages) in expected {
        if store.stream(&account(stream), 0, 9).await.unwrap().len() != messages {
            return false;
        }
    }
    true
}

#[tokio::test]
async fn nothing_is_written_after_a_unit_whose_table_is_missing() {
    for lane in [Lane::Primary, Lane::Backfill] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let store = prepared(&path, &[people()]).await;
        rusqlite::Connection::open(&path).unwrap().execute_batch("DROP TABLE people").unwrap();
        let last = Changes { depends_on: vec![0], ..unit(lane, &account("last")) };
        let units = vec![unit(lane, &account("first")), needs_people(lane), last];
        let outcomes = commit(&*store, units.clone()).await;
        assert!(is_committed(&outcomes[0]), "{outcomes:?}");
        for outcome in &outcomes[1..] {
            assert!(matches!(outcome, Outcome::Unavailable(why) if why.contains("people")));
        }
        assert!(written(&*store, [("first", 1), ("second", 0), ("last", 0)]).await);
        // Another list does not have to wait for that table.
        assert!(is_committed(&commit(&*store, vec![unit(lane, &account("other"))]).await[0]));
        store.prepare(&[people()], &[]).await.unwrap();
        let again = vec![needs_people(lane), unit(lane, &account("last"))];
        assert!(commit(&*store, again).await.iter().all(is_committed));
        assert!(written(&*store, [("first", 1), ("second", 1), ("last", 1)]).await);
    }
}

#[tokio::test]
async fn a_missing_table_affects_no_other_list() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[people()]).await;
    rusqlite::Connection::open(&path).unwrap().execute_batch("DROP TABLE people").unwrap();
    let (first, last) =
        (unit(Lane::Primary, &account("first")), unit(Lane::Primary, &account("last")));
    let (broken, one, two) = tokio::join!(
        commit(&*store, vec![needs_people(Lane::Primary), unit(Lane::Primary, &account("second"))]),
        commit(&*store, vec![first.clone(), last.clone()]),
        commit(&*store, vec![first, last]),
    );
    assert!(broken.iter().all(|outcome| matches!(outcome, Outcome::Unavailable(_))), "{broken:?}");
    assert!(one.iter().chain(&two).all(is_committed), "{one:?} {two:?}");
    assert!(written(&*store, [("first", 2), ("second", 0), ("last", 2)]).await);
}

#[tokio::test]
async fn a_unit_is_not_settled_while_its_alternative_may_still_be_applied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[people()]).await;
    rusqlite::Connection::open(&path).unwrap().execute_batch("DROP TABLE people").unwrap();
    let mut late = unit(Lane::Primary, &account("first"));
    late.appends[0].expect = Expect::At(7);
    late.otherwise = Some(Box::new(needs_people(Lane::Primary)));
    let outcomes = commit(&*store, vec![late, unit(Lane::Primary, &account("last"))]).await;
    let unavailable = |outcome: &Outcome| matches!(outcome, Outcome::Unavailable(_));
    assert!(outcomes.iter().all(unavailable), "{outcomes:?}");
    assert!(written(&*store, [("first", 0), ("second", 0), ("last", 0)]).await);
}

#[tokio::test]
async fn nothing_works_before_the_file_is_prepared() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("a.db")).await;
    let outcomes = commit(&*store, vec![unit(Lane::Primary, &account("a"))]).await;
    assert!(matches!(&outcomes[0], Outcome::Unavailable(why) if why.contains("db setup")));
    store.prepare(&[people()], &[]).await.unwrap();
    assert!(is_committed(&commit(&*store, vec![unit(Lane::Primary, &account("a"))]).await[0]));
}
