//! Units that the database refuses.

use std::sync::Arc;

use protean_port::message::{Id, Lane, Table, Value};
use protean_port::port::{Changes, Outcome, RowChange, RowQuery, RowWrite, Statement, Store};

use crate::{account, commit, database, is_committed, open, people, person, prepared, unit};

fn running(sql: &str) -> Changes {
    let statement = Statement { sql: sql.into(), parameters: Vec::new() };
    Changes { statements: vec![statement], ..unit(Lane::Primary, &account("rogue")) }
}

async fn written(store: &dyn Store, expected: &[(&str, usize)]) {
    for (stream, messages) in expected {
        let found = store.stream(&account(stream), 0, 999).await.unwrap().len();
        assert_eq!(found, *messages, "{stream}");
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn only_the_faulty_unit_of_a_batch_is_left_out() {
    let database = database();
    let store = prepared(&database.uri(), &[people()]).await;
    let long: String = (0..400).map(|_| Id::new().to_string()).collect();
    for (lane, round) in [(Lane::Primary, "p"), (Lane::Backfill, "b")] {
        let named = |number: usize| {
            let email = match number {
                7 => Value::text(format!("{round}3")),
                // No index holds a text of this size.
                11 => Value::text(long.as_str()),
                _ => Value::text(format!("{round}{number}")),
            };
            let rows = vec![person(&format!("{round}{number}"), email, Value::Null)];
            Changes { rows, ..unit(lane, &account(round)) }
        };
        let outcomes = commit(&*store, (0..20).map(named).collect()).await;
        for (number, outcome) in outcomes.iter().enumerate() {
            assert_eq!(is_committed(outcome), ![7, 11].contains(&number), "{number}: {outcome:?}");
        }
        let Outcome::Rejected(violations) = &outcomes[7] else { panic!("{:?}", outcomes[7]) };
        assert_eq!(violations.get("email"), ["is already taken"]);
        assert!(matches!(outcomes[11], Outcome::Rejected(_)), "{:?}", outcomes[11]);
        written(&*store, &[(round, 18)]).await;
        assert!(store.broken_streams(9).await.unwrap().is_empty());
    }
    assert_eq!(store.count(&people(), &RowQuery::default()).await.unwrap(), 36);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn statements_write_with_their_unit() {
    let database = database();
    let store = prepared(&database.uri(), &[people()]).await;
    let sql =
        "INSERT INTO people (id, email, balance, _version) VALUES (?1, '?2', ?2, 0) RETURNING id";
    let parameters = vec![Value::text("p\0q"), Value::Decimal("1.50".parse().unwrap())];
    let statement = Statement { sql: sql.into(), parameters };
    let changes = Changes { statements: vec![statement], ..Changes::new(Lane::Primary) };
    assert!(is_committed(&commit(&*store, vec![changes]).await[0]));
    let row = store.row(&people(), "p\0q").await.unwrap().row.unwrap();
    assert_eq!(row[1..], [Value::text("?2"), Value::Decimal("1.50".parse().unwrap())]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_statement_cannot_end_the_transaction() {
    let database = database();
    let store = prepared(&database.uri(), &[people()]).await;
    let rogues = [
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT x",
        "SELECT 1",
        "nonsense",
        "DELETE FROM nowhere",
        "DELETE FROM people; COMMIT",
        "INSERT INTO people VALUES (?1)",
    ];
    for sql in rogues {
        let units = vec![unit(Lane::Primary, &account("a")), running(sql)];
        let outcomes = commit(&*store, units).await;
        assert!(is_committed(&outcomes[0]), "{sql}: {outcomes:?}");
        let Outcome::Rejected(violations) = &outcomes[1] else { panic!("{sql}: {outcomes:?}") };
        assert_eq!(violations.get("statement").len(), 1, "{violations:?}");
    }
    written(&*store, &[("a", rogues.len()), ("rogue", 0)]).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn equal_decimals_are_the_same_unique_value() {
    let database = database();
    let store = prepared(&database.uri(), &[people()]).await;
    let holding = |key: &str, amount: &str| {
        let rows = vec![person(key, Value::Null, Value::Decimal(amount.parse().unwrap()))];
        Changes { rows, ..Changes::new(Lane::Primary) }
    };
    let outcomes = commit(&*store, vec![holding("a", "100"), holding("b", "100.00")]).await;
    let Outcome::Rejected(violations) = &outcomes[1] else { panic!("{outcomes:?}") };
    assert_eq!(violations.get("balance"), ["is already taken"]);
}

fn needs_people(lane: Lane) -> Changes {
    let rows = vec![person("p", Value::Null, Value::Null)];
    Changes { rows, ..unit(lane, &account("second")) }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn nothing_is_written_after_a_unit_whose_table_is_missing() {
    for lane in [Lane::Primary, Lane::Backfill] {
        let database = database();
        let store = prepared(&database.uri(), &[people()]).await;
        database.run("DROP TABLE people");
        let last = Changes { depends_on: vec![0], ..unit(lane, &account("last")) };
        let outcomes =
            commit(&*store, vec![unit(lane, &account("first")), needs_people(lane), last]).await;
        assert!(is_committed(&outcomes[0]), "{outcomes:?}");
        for outcome in &outcomes[1..] {
            assert!(matches!(outcome, Outcome::Unavailable(why) if why.contains("people")));
        }
        written(&*store, &[("first", 1), ("second", 0), ("last", 0)]).await;
        store.prepare(&[people()], &[]).await.unwrap();
        let again = vec![needs_people(lane), unit(lane, &account("last"))];
        assert!(commit(&*store, again).await.iter().all(is_committed));
        written(&*store, &[("first", 1), ("second", 1), ("last", 1)]).await;
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn names_a_table_that_was_never_prepared() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    let table = Arc::new(Table { name: "ghosts".into(), ..people() });
    let change = RowChange::Put(vec![Value::text("g"), Value::Null, Value::Null].into());
    let write =
        RowWrite { table: Arc::clone(&table), key: "g".into(), expected: None, version: 0, change };
    let ghost = Changes { rows: vec![write], ..Changes::new(Lane::Primary) };
    let outcomes = commit(&*store, vec![ghost]).await;
    assert!(matches!(&outcomes[0], Outcome::Unavailable(why) if why.contains("ghosts")));
    let error = store.row(&table, "g").await.unwrap_err().to_string();
    assert!(error.contains("db setup") && error.contains("127.0.0.1"), "{error}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn nothing_works_before_the_database_is_prepared() {
    let database = database();
    let store = open(&database.uri()).await;
    let outcomes = commit(&*store, vec![unit(Lane::Primary, &account("a"))]).await;
    assert!(
        matches!(&outcomes[0], Outcome::Unavailable(why) if why.contains("db setup")),
        "{outcomes:?}"
    );
    store.prepare(&[people()], &[]).await.unwrap();
    assert!(is_committed(&commit(&*store, vec![unit(Lane::Primary, &account("a"))]).await[0]));
}
