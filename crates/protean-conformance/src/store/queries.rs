//! Facts of queries: filters, order and limit.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{Date, Timestamp, Value};
use protean_port::port::{Direction, Filter, Operator, RowQuery, RowState, Store};

use super::sample::{at, column, commit_all, places, thing, things, unit};

/// Puts one thing for each value, with the keys a, b, c, …
async fn put<const N: usize>(store: &dyn Store, column: usize, values: [Value; N]) {
    let keys = ('a'..='z').map(String::from);
    let draft = |(key, value): (String, Value)| unit().put(None, thing(&key, [(column, value)]));
    let outcomes = commit_all(store, keys.zip(values).map(draft).collect()).await;
    outcomes.iter().for_each(|outcome| assert!(places(outcome).is_empty()));
}

/// The keys of rows, in their order: `abc`.
fn keys(rows: &[RowState]) -> String {
    let key = |state: &RowState| match state.row.as_ref().map(|row| row[column::ID].clone()) {
        Some(Value::Text(key)) => key.to_string(),
        other => panic!("a row has a key: {other:?}"),
    };
    rows.iter().map(key).collect()
}

async fn selected(store: &dyn Store, filters: Vec<Filter>) -> Result<String> {
    let query = RowQuery { filters, ..RowQuery::default() };
    let rows = store.query(&things(), &query).await?;
    assert_eq!(store.count(&things(), &query).await?, rows.len() as u64);
    Ok(keys(&rows))
}

async fn sorted(store: &dyn Store, order: Vec<(usize, Direction)>) -> Result<String> {
    Ok(keys(&store.query(&things(), &RowQuery { order, ..RowQuery::default() }).await?))
}

fn filter(column: usize, operator: Operator, value: Value) -> Filter {
    Filter { column, operator, value }
}

fn date(year: i16, month: i8) -> Value {
    Value::Date(Date::new(year, month, 1).unwrap_or_else(|| panic!("no such month")))
}

fn decimal(text: &str) -> Value {
    Value::Decimal(text.parse().unwrap_or_else(|fault| panic!("{fault}")))
}

pub async fn every_operator_compares_every_kind(store: Arc<dyn Store>) -> Result {
    let kinds: [(usize, [Value; 3]); 8] = [
        (column::NAME, ["B", "a", "ä"].map(Value::text)),
        (column::SIZE, [i64::MIN, -9, 10].map(Value::Integer)),
        (column::WEIGHT, [-1e300, 0.25, 9.5].map(Value::Real)),
        (column::PRICE, ["-10.5", "9.99", "10"].map(decimal)),
        (column::BORN, [date(999, 12), date(2026, 9), date(2026, 10)]),
        (column::SEEN, [at(-5), at(9), at(10)].map(Value::Timestamp)),
        (column::TAGS, ["[1]", "[2]", "{}"].map(|json| Value::Json(json.into()))),
        (column::ACTIVE, [false, true, true].map(Value::Bool)),
    ];
    for (column, values) in kinds {
        let [low, middle, high] = values.clone();
        put(&*store, column, [low, middle.clone(), high, Value::Null]).await;
        let ties = column == column::ACTIVE;
        let facts = [
            (Operator::Equal, if ties { "bc" } else { "b" }),
            (Operator::NotEqual, if ties { "ad" } else { "acd" }),
            (Operator::Less, "a"),
            (Operator::AtMost, if ties { "abc" } else { "ab" }),
            (Operator::Greater, if ties { "" } else { "c" }),
            (Operator::AtLeast, "bc"),
        ];
        for (operator, expected) in facts {
            let found = selected(&*store, vec![filter(column, operator, middle.clone())]).await?;
            assert_eq!(found, expected, "{operator:?} {middle:?}");
        }
        assert_eq!(sorted(&*store, vec![(column, Direction::Ascending)]).await?, "dabc");
        store.destroy(&[things()]).await?;
        store.prepare(&[things()], &[]).await?;
    }
    Ok(())
}

pub async fn nothing_equals_only_nothing(store: Arc<dyn Store>) -> Result {
    let text = Value::text;
    put(&*store, column::NAME, [Value::Null, text(""), text("x"), Value::Null]).await;
    let facts = [
        (Operator::Equal, "ad"),
        (Operator::NotEqual, "bc"),
        (Operator::Less, ""),
        (Operator::AtMost, "ad"),
        (Operator::Greater, ""),
        (Operator::AtLeast, "ad"),
        (Operator::Contains, ""),
    ];
    for (operator, expected) in facts {
        let found = selected(&*store, vec![filter(column::NAME, operator, Value::Null)]).await?;
        assert_eq!(found, expected, "{operator:?} nothing");
    }
    for (operator, expected) in [
        (Operator::Equal, "b"),
        (Operator::NotEqual, "acd"),
        (Operator::AtLeast, "bc"),
        (Operator::AtMost, "b"),
    ] {
        let found = selected(&*store, vec![filter(column::NAME, operator, text(""))]).await?;
        assert_eq!(found, expected, "{operator:?} empty text");
    }
    Ok(())
}

pub async fn text_is_contained_letter_for_letter(store: Arc<dyn Store>) -> Result {
    let texts = ["100%", "100x", "a_b", "axb", "Äpfel\\n", "nul\0inside"].map(Value::text);
    put(&*store, column::NAME, texts).await;
    for (part, expected) in [
        ("0%", "a"),
        ("%", "a"),
        ("_", "c"),
        ("100", "ab"),
        ("A", ""),
        ("äpfel", ""),
        ("Äpf", "e"),
        ("\\", "e"),
        ("\0in", "f"),
        ("inside", "f"),
        ("", "abcdef"),
        ("*", ""),
    ] {
        let contains = filter(column::NAME, Operator::Contains, Value::text(part));
        assert_eq!(selected(&*store, vec![contains]).await?, expected, "{part:?}");
    }
    Ok(())
}

pub async fn decimals_compare_by_size(store: Arc<dyn Store>) -> Result {
    let numbers = ["10", "9", "-0.5", "-10", "0.1000000000000000000000000001", "0.10", "1.50"];
    put(&*store, column::PRICE, numbers.map(decimal)).await;
    assert_eq!(sorted(&*store, vec![(column::PRICE, Direction::Ascending)]).await?, "dcfegba");
    for (operator, number, expected) in [
        (Operator::Equal, "0.1", "f"),
        (Operator::Equal, "1.5", "g"),
        (Operator::Equal, "10.000", "a"),
        (Operator::NotEqual, "10.0", "bcdefg"),
        (Operator::Greater, "0.1", "abeg"),
        (Operator::AtLeast, "0.1000000000000000000000000001", "abeg"),
        (Operator::Less, "-0.49", "cd"),
    ] {
        let filters = vec![filter(column::PRICE, operator, decimal(number))];
        assert_eq!(selected(&*store, filters).await?, expected, "{operator:?} {number}");
    }
    Ok(())
}

pub async fn text_sorts_by_its_bytes(store: Arc<dyn Store>) -> Result {
    let texts = ["b", "B", "ä", "", "a\0", "a", "\u{1F980}", "\u{FFFD}"].map(Value::text);
    put(&*store, column::NAME, texts).await;
    assert_eq!(sorted(&*store, vec![(column::NAME, Direction::Ascending)]).await?, "dbfeachg");
    assert_eq!(sorted(&*store, vec![(column::NAME, Direction::Descending)]).await?, "ghcaefbd");
    Ok(())
}

pub async fn nothing_sorts_before_everything(store: Arc<dyn Store>) -> Result {
    let moment = |micros| Value::Timestamp(Timestamp::from_micros(micros));
    put(&*store, column::SEEN, [moment(1), Value::Null, moment(i64::MIN), moment(0)]).await;
    assert_eq!(sorted(&*store, vec![(column::SEEN, Direction::Ascending)]).await?, "bcda");
    assert_eq!(sorted(&*store, vec![(column::SEEN, Direction::Descending)]).await?, "adcb");
    Ok(())
}

pub async fn the_first_column_counts_most(store: Arc<dyn Store>) -> Result {
    let pairs = [("a", 2, "x"), ("b", 1, "y"), ("c", 2, "y"), ("d", 1, "x")];
    let row = |(id, size, name): (&str, i64, &str)| {
        let (size, name) = (Value::Integer(size), Value::text(name));
        unit().put(None, thing(id, [(column::SIZE, size), (column::NAME, name)]))
    };
    commit_all(&*store, pairs.map(row).into()).await;
    let (up, down) = (Direction::Ascending, Direction::Descending);
    let by = |first, second| sorted(&*store, vec![first, second]);
    assert_eq!(by((column::SIZE, up), (column::NAME, up)).await?, "dbac");
    assert_eq!(by((column::SIZE, up), (column::NAME, down)).await?, "bdca");
    assert_eq!(by((column::NAME, down), (column::SIZE, up)).await?, "bcda");
    Ok(())
}

pub async fn the_key_decides_between_equals(store: Arc<dyn Store>) -> Result {
    let row = |id: &str| unit().put(None, thing(id, [(column::SIZE, Value::Integer(1))]));
    commit_all(&*store, ["c", "ä", "a", "B", "b"].map(row).into()).await;
    assert_eq!(sorted(&*store, vec![]).await?, "Babcä");
    for direction in [Direction::Ascending, Direction::Descending] {
        assert_eq!(sorted(&*store, vec![(column::SIZE, direction)]).await?, "Babcä");
        assert_eq!(sorted(&*store, vec![(column::NAME, direction)]).await?, "Babcä");
    }
    Ok(())
}

pub async fn a_limit_cuts_after_sorting(store: Arc<dyn Store>) -> Result {
    put(&*store, column::SIZE, [3, 1, 2, 5, 4].map(Value::Integer)).await;
    for (limit, expected) in
        [(Some(0), ""), (Some(1), "b"), (Some(3), "bca"), (Some(9), "bcaed"), (None, "bcaed")]
    {
        let order = vec![(column::SIZE, Direction::Ascending)];
        let query = RowQuery { order, limit, ..RowQuery::default() };
        assert_eq!(keys(&store.query(&things(), &query).await?), expected);
    }
    Ok(())
}

pub async fn all_filters_must_hold(store: Arc<dyn Store>) -> Result {
    put(&*store, column::SIZE, [1, 2, 3, 4, 5].map(Value::Integer)).await;
    let size = |operator, number| filter(column::SIZE, operator, Value::Integer(number));
    let between = vec![size(Operator::AtLeast, 2), size(Operator::Less, 5)];
    assert_eq!(selected(&*store, between.clone()).await?, "bcd");
    let but = [between, vec![size(Operator::NotEqual, 3)]].concat();
    assert_eq!(selected(&*store, but.clone()).await?, "bd");
    let key = filter(column::ID, Operator::Equal, Value::text("d"));
    assert_eq!(selected(&*store, [but, vec![key]].concat()).await?, "d");
    Ok(())
}

pub async fn a_count_ignores_order_and_limit(store: Arc<dyn Store>) -> Result {
    put(&*store, column::SIZE, [3, 1, 2, 5, 4].map(Value::Integer)).await;
    let query = RowQuery {
        filters: vec![filter(column::SIZE, Operator::Greater, Value::Integer(1))],
        order: vec![(column::SIZE, Direction::Descending)],
        limit: Some(2),
    };
    assert_eq!(keys(&store.query(&things(), &query).await?), "de");
    assert_eq!(store.count(&things(), &query).await?, 4);
    Ok(())
}
