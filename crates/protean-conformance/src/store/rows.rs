//! Facts of rows: versions, values, and what may be there once only.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{Date, Decimal, Row, Timestamp, Value};
use protean_port::port::{Outcome, RowQuery, RowState, Store};

use super::sample::{assert_stale, column, commit, commit_one, places, thing, things, unit};

pub async fn a_row_that_never_was_has_no_version(store: Arc<dyn Store>) -> Result {
    assert_eq!(store.row(&things(), "t").await?, RowState::default());
    assert_eq!(store.query(&things(), &RowQuery::default()).await?, []);
    Ok(())
}

pub async fn a_row_is_put_with_its_version(store: Arc<dyn Store>) -> Result {
    for (expected, version, size) in [(None, 0, 1), (Some(0), 1, 2), (Some(1), 2, 3)] {
        let row = thing("t", [(column::SIZE, Value::Integer(size))]);
        places(&commit_one(&*store, unit().put(expected, Arc::clone(&row))).await);
        let state = RowState { row: Some(row), version: Some(version) };
        assert_eq!(store.row(&things(), "t").await?, state);
        assert_eq!(store.query(&things(), &RowQuery::default()).await?, [state]);
    }
    Ok(())
}

pub async fn rejects_making_a_row_that_exists(store: Arc<dyn Store>) -> Result {
    let put = || unit().put(None, thing("t", []));
    places(&commit_one(&*store, put()).await);
    assert_stale(&commit_one(&*store, put()).await);
    let [made, again] = commit(&*store, [(); 2].map(|()| unit().put(None, thing("u", [])))).await;
    places(&made);
    assert_stale(&again);
    Ok(())
}

pub async fn rejects_a_stale_version(store: Arc<dyn Store>) -> Result {
    let put = |expected| unit().put(Some(expected), thing("t", []));
    assert_stale(&commit_one(&*store, put(0)).await);
    places(&commit_one(&*store, unit().put(None, thing("t", []))).await);
    places(&commit_one(&*store, put(0)).await);
    for expected in [0, 2, 99] {
        assert_stale(&commit_one(&*store, put(expected)).await);
    }
    assert_eq!(store.row(&things(), "t").await?.version, Some(1));
    Ok(())
}

pub async fn rejects_removing_a_stale_version(store: Arc<dyn Store>) -> Result {
    assert_stale(&commit_one(&*store, unit().remove("t", 0)).await);
    places(&commit_one(&*store, unit().put(None, thing("t", []))).await);
    assert_stale(&commit_one(&*store, unit().remove("t", 1)).await);
    places(&commit_one(&*store, unit().remove("t", 0)).await);
    assert_stale(&commit_one(&*store, unit().remove("t", 0)).await);
    assert_stale(&commit_one(&*store, unit().remove("t", 1)).await);
    Ok(())
}

pub async fn a_removed_row_keeps_its_version(store: Arc<dyn Store>) -> Result {
    let list = [unit().put(None, thing("t", [])), unit().remove("t", 0)];
    commit(&*store, list).await.iter().for_each(|outcome| assert!(places(outcome).is_empty()));
    assert_eq!(store.row(&things(), "t").await?, RowState { row: None, version: Some(1) });
    assert_eq!(store.query(&things(), &RowQuery::default()).await?, []);
    assert_eq!(store.count(&things(), &RowQuery::default()).await?, 0);
    Ok(())
}

pub async fn a_removed_row_can_be_made_again(store: Arc<dyn Store>) -> Result {
    let list = [unit().put(None, thing("t", [])), unit().remove("t", 0)];
    commit(&*store, list).await.iter().for_each(|outcome| assert!(places(outcome).is_empty()));
    assert_stale(&commit_one(&*store, unit().put(Some(1), thing("t", []))).await);
    // There is no row, whatever version it had; the writer goes on counting from it.
    let again = unit().put(None, thing("t", [])).with(|changes| changes.rows[0].version = 2);
    places(&commit_one(&*store, again).await);
    let state = RowState { row: Some(thing("t", [])), version: Some(2) };
    assert_eq!(store.row(&things(), "t").await?, state);
    assert_eq!(store.count(&things(), &RowQuery::default()).await?, 1);
    Ok(())
}

pub async fn rejects_a_version_that_falls_back(store: Arc<dyn Store>) -> Result {
    let list = [
        unit().put(None, thing("t", [])),
        unit().put(Some(0), thing("t", [])),
        unit().remove("t", 1),
    ];
    commit(&*store, list).await.iter().for_each(|outcome| assert!(places(outcome).is_empty()));
    for version in [0, 1, 2] {
        let again = unit().put(None, thing("t", []));
        let again = again.with(|changes| changes.rows[0].version = version);
        assert_stale(&commit_one(&*store, again).await);
    }
    let higher = unit().put(None, thing("t", [])).with(|changes| changes.rows[0].version = 7);
    places(&commit_one(&*store, higher).await);
    assert_eq!(store.row(&things(), "t").await?.version, Some(7));
    Ok(())
}

fn decimal(text: &str) -> Value {
    Value::Decimal(text.parse().unwrap_or_else(|fault| panic!("{fault}")))
}

fn date(year: i16, month: i8, day: i8) -> Value {
    Value::Date(Date::new(year, month, day).unwrap_or_else(|| panic!("no such day")))
}

/// Values at the edges of their kinds, with a column that holds them.
fn edges() -> Vec<(usize, Value)> {
    let texts = ["", " ", "ä\u{1F980}\u{10FFFF}", "nul\0inside", "\0", "'; --\"", "1e3", "null"];
    let reals = [0.0, 0.1, -1.5e-300, f64::MAX, f64::MIN, f64::MIN_POSITIVE, f64::EPSILON, 5e-324];
    let wholes = [0, 1, -1, i64::MAX, i64::MIN, 1 << 53, (1 << 53) + 1];
    let exact = ["0", "0.1", "-0.0000000000000000000000000001", "9999999999999999999999999999"];
    let more = ["12345678901234567890.12345678", "-79228162514264337593543950335", "100", "1.50"];
    let json = ["[]", "{\"a\": [1, 2.50, null, \"ä\\u0000\"]}", "null", "1.10", "\"text\""];
    let moments = [0, 1, -1, 1_795_195_963_949_786, -62_000_000_000_000_001];
    let mut edges = vec![(column::ACTIVE, Value::Bool(true)), (column::ACTIVE, Value::Bool(false))];
    edges.extend(texts.map(|text| (column::NAME, Value::text(text))));
    edges.extend(reals.map(|real| (column::WEIGHT, Value::Real(real))));
    edges.extend(wholes.map(|whole| (column::SIZE, Value::Integer(whole))));
    edges.extend(exact.into_iter().chain(more).map(|text| (column::PRICE, decimal(text))));
    edges.extend(json.map(|text| (column::TAGS, Value::Json(text.into()))));
    let moments = moments.map(Timestamp::from_micros).map(Value::Timestamp);
    edges.extend(moments.map(|moment| (column::SEEN, moment)));
    edges.extend(
        [date(1, 1, 1), date(1970, 1, 1), date(2024, 2, 29), date(9999, 12, 31)]
            .map(|day| (column::BORN, day)),
    );
    edges
}

pub async fn every_kind_survives(store: Arc<dyn Store>) -> Result {
    for (number, (column, value)) in edges().into_iter().enumerate() {
        let row = thing(&number.to_string(), [(column, value.clone())]);
        places(&commit_one(&*store, unit().put(None, Arc::clone(&row))).await);
        let state = store.row(&things(), &number.to_string()).await?;
        assert_eq!(state.row.as_ref(), Some(&row), "{value:?}");
        if let (Value::Decimal(sent), Some(row)) = (&value, &state.row) {
            // Equal numbers may differ in how many digits they show.
            let Value::Decimal(read) = row[column] else { panic!("{row:?}") };
            assert_eq!(read.to_string(), sent.to_string());
        }
    }
    let large = thing("large", [(column::NAME, Value::text("ä".repeat(1 << 19)))]);
    places(&commit_one(&*store, unit().put(None, Arc::clone(&large))).await);
    assert_eq!(store.row(&things(), "large").await?.row, Some(large));
    Ok(())
}

pub async fn every_kind_may_be_empty(store: Arc<dyn Store>) -> Result {
    let full: Row = thing(
        "t",
        [
            (column::NAME, Value::text("name")),
            (column::EMAIL, Value::text("a@b.c")),
            (column::SIZE, Value::Integer(1)),
            (column::WEIGHT, Value::Real(1.5)),
            (column::PRICE, Value::Decimal(Decimal::new(150, 2))),
            (column::ACTIVE, Value::Bool(true)),
            (column::BORN, date(2026, 11, 20)),
            (column::SEEN, Value::Timestamp(Timestamp::from_micros(1))),
            (column::TAGS, Value::Json("[]".into())),
        ],
    );
    for (row, expected) in [(full.clone(), None), (thing("t", []), Some(0)), (full, Some(1))] {
        places(&commit_one(&*store, unit().put(expected, Arc::clone(&row))).await);
        assert_eq!(store.row(&things(), "t").await?.row, Some(row));
    }
    Ok(())
}

fn with_email(id: &str, email: &str) -> Row {
    thing(id, [(column::EMAIL, Value::text(email))])
}

#[track_caller]
fn assert_email_is_taken(outcome: &Outcome) {
    let Outcome::Rejected(violations) = outcome else { panic!("not rejected: {outcome:?}") };
    let fields: Vec<_> = violations.iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["email"]);
    assert_eq!(violations.get("email").len(), 1);
}

pub async fn a_unique_value_belongs_to_one_row(store: Arc<dyn Store>) -> Result {
    let list = [
        unit().put(None, with_email("t", "a@b.c")),
        unit().put(None, with_email("u", "a@b.c")),
        unit().put(None, with_email("v", "A@b.c")),
        unit().put(Some(0), with_email("v", "a@b.c")),
        unit().put(None, with_email("w", "w@b.c")).put(None, with_email("x", "w@b.c")),
    ];
    let [first, second, other, changed, at_once] = commit(&*store, list).await;
    places(&first);
    places(&other);
    assert_email_is_taken(&second);
    assert_email_is_taken(&changed);
    assert_email_is_taken(&at_once);
    assert_email_is_taken(&commit_one(&*store, unit().put(None, with_email("y", "a@b.c"))).await);
    assert_eq!(store.count(&things(), &RowQuery::default()).await?, 2);
    assert_eq!(store.row(&things(), "v").await?.row, Some(with_email("v", "A@b.c")));
    Ok(())
}

pub async fn a_unique_value_may_be_empty_in_many_rows(store: Arc<dyn Store>) -> Result {
    for id in ["t", "u", "v"] {
        places(&commit_one(&*store, unit().put(None, thing(id, []))).await);
    }
    Ok(())
}

pub async fn a_unique_value_is_free_again(store: Arc<dyn Store>) -> Result {
    let list = [
        unit().put(None, with_email("t", "a@b.c")),
        unit().remove("t", 0),
        unit().put(None, with_email("u", "a@b.c")),
        unit().put(Some(0), with_email("u", "d@e.f")),
        unit().put(None, with_email("v", "a@b.c")),
        unit().put(Some(0), thing("v", [])).put(None, with_email("w", "a@b.c")),
    ];
    commit(&*store, list).await.iter().for_each(|outcome| assert!(places(outcome).is_empty()));
    Ok(())
}

pub async fn a_unique_value_may_stay_in_its_row(store: Arc<dyn Store>) -> Result {
    for expected in [None, Some(0), Some(1)] {
        places(&commit_one(&*store, unit().put(expected, with_email("t", "a@b.c"))).await);
    }
    assert_email_is_taken(&commit_one(&*store, unit().put(None, with_email("u", "a@b.c"))).await);
    Ok(())
}
