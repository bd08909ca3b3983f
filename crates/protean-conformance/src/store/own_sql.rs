//! Facts of the user's own SQL, for databases that have it.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{Priority, Value};
use protean_port::port::{Outcome, Statement, StatementRead, Store};

use super::sample::{
    Draft, account, assert_stale, column, commit, commit_one, places, thing, unit,
};

const SIZES: &str = "SELECT size FROM things WHERE id = 't'";

fn put(expected: Option<u64>, size: i64) -> Draft {
    unit().put(expected, thing("t", [(column::SIZE, Value::Integer(size))]))
}

fn size(size: i64) -> Vec<String> {
    vec![format!("{{\"size\":{size}}}")]
}

/// A unit that has read the size.
fn having_read(sql: &str, rows: Vec<String>) -> Draft {
    let read = StatementRead { statement: Statement::new(sql), rows };
    unit().append(&account("reader"), Priority::NORMAL).with(|unit| unit.reads.push(read))
}

fn running(sql: &str) -> Draft {
    unit().with(|unit| unit.statements.push(Statement::new(sql)))
}

async fn logged(store: &dyn Store) -> Result<usize> {
    Ok(store.stream(&account("reader"), 0, 9).await?.len())
}

pub async fn a_read_that_is_no_longer_true_leaves_its_unit_out(store: Arc<dyn Store>) -> Result {
    places(&commit_one(&*store, put(None, 1)).await);
    assert_eq!(store.fetch(&Statement::new(SIZES)).await?, size(1));
    assert_stale(&commit_one(&*store, having_read(SIZES, size(2))).await);
    assert_eq!(logged(&*store).await?, 0);
    places(&commit_one(&*store, having_read(SIZES, size(1))).await);
    let [alone, changed, stale, fresh] = commit(
        &*store,
        [
            having_read(SIZES, size(1)),
            put(Some(0), 2),
            having_read(SIZES, size(1)),
            having_read(SIZES, size(2)),
        ],
    )
    .await;
    for outcome in [alone, changed, fresh] {
        places(&outcome);
    }
    assert_stale(&stale);
    assert_eq!(logged(&*store).await?, 3);
    Ok(())
}

pub async fn a_unit_that_takes_its_place_is_checked_too(store: Arc<dyn Store>) -> Result {
    places(&commit_one(&*store, put(None, 1)).await);
    for (read, logs) in [(2, 0), (1, 1)] {
        let instead = having_read(SIZES, size(read));
        assert_stale(&commit_one(&*store, having_read(SIZES, size(3)).or(instead)).await);
        assert_eq!(logged(&*store).await?, logs);
    }
    Ok(())
}

pub async fn rows_come_in_any_order_unless_the_read_has_one(store: Arc<dyn Store>) -> Result {
    for (id, size) in [("t", 1), ("u", 2)] {
        let row = thing(id, [(column::SIZE, Value::Integer(size))]);
        places(&commit_one(&*store, unit().put(None, row)).await);
    }
    let backwards = || [size(2), size(1)].concat();
    places(&commit_one(&*store, having_read("SELECT size FROM things", backwards())).await);
    let ordered = "SELECT size FROM things\norder\tby size";
    assert_stale(&commit_one(&*store, having_read(ordered, backwards())).await);
    let less = having_read("SELECT size FROM things", size(1));
    assert_stale(&commit_one(&*store, less).await);
    Ok(())
}

pub async fn statements_see_what_came_before_them(store: Arc<dyn Store>) -> Result {
    let twice = running("UPDATE things SET size = size * 10 WHERE id = 't'").with(|unit| {
        let more = Statement::new("UPDATE things SET size = size + ?1 WHERE id = ?2");
        unit.statements.push(more.bind(7).bind("t"));
    });
    let [made, changed, read] =
        commit(&*store, [put(None, 1), twice, having_read(SIZES, size(17))]).await;
    for outcome in [made, changed, read] {
        places(&outcome);
    }
    assert_eq!(store.fetch(&Statement::new(SIZES)).await?, size(17));
    Ok(())
}

pub async fn a_statement_that_is_refused_leaves_only_its_unit_out(store: Arc<dyn Store>) -> Result {
    let ended = |sql: &str| running(sql).append(&account("reader"), Priority::NORMAL);
    let refused =
        ["SELECT 1", "COMMIT", "INSERT INTO nowhere VALUES (1)", "UPDATE things SET id = ?1"];
    for sql in refused {
        let [made, left_out, read] = commit(
            &*store,
            [
                unit().append(&account("a"), Priority::NORMAL),
                ended(sql),
                unit().append(&account("b"), Priority::NORMAL),
            ],
        )
        .await;
        for outcome in [made, read] {
            places(&outcome);
        }
        let Outcome::Rejected(violations) = left_out else { panic!("{sql}: {left_out:?}") };
        assert_eq!(violations.get("statement").len(), 1, "{sql}: {violations:?}");
    }
    assert_eq!(logged(&*store).await?, 0);
    for sql in ["DELETE FROM things", "SELECT 1; SELECT 2", "SELECT * FROM nowhere", ""] {
        let error = store.fetch(&Statement::new(sql)).await.err();
        assert!(error.is_some_and(|error| error.is_invalid()), "{sql}");
    }
    Ok(())
}

pub async fn texts_are_read_as_they_were_bound(store: Arc<dyn Store>) -> Result {
    places(&commit_one(&*store, put(None, 1)).await);
    let odd = "ü \"quoted\" '?1' \u{4} \u{1f4a1}";
    let named = Statement::new("UPDATE things SET name = ?1 WHERE id = 't'").bind(odd);
    places(&commit_one(&*store, unit().with(|unit| unit.statements.push(named))).await);
    let found = Statement::new("SELECT name FROM things WHERE name = ?1 -- it's odd").bind(odd);
    let expected = "{\"name\":\"ü \\\"quoted\\\" '?1' \\u0004 \u{1f4a1}\"}";
    assert_eq!(store.fetch(&found).await?, [expected]);
    Ok(())
}
