//! Facts of queries: filters, order and limit.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{Date, Timestamp, Value};
use protean_port::port::{Operator, RowCondition, RowQuery, RowState, SortKey, Store, Wanted};

use super::sample::{at, column, commit_all, places, thing, things, unit};

/// Puts one thing for each value, with the keys a, b, c, …
pub(super) async fn put<const N: usize>(store: &dyn Store, column: usize, values: [Value; N]) {
    let keys = ('a'..='z').map(String::from);
    let draft = |(key, value): (String, Value)| unit().put(None, thing(&key, [(column, value)]));
    let outcomes = commit_all(store, keys.zip(values).map(draft).collect()).await;
    outcomes.iter().for_each(|outcome| assert!(places(outcome).is_empty()));
}

/// The keys of rows, in their order: `abc`.
pub(super) fn keys(rows: &[RowState]) -> String {
    let key = |state: &RowState| match state.row.as_ref().map(|row| row[column::ID].clone()) {
        Some(Value::Text(key)) => key.to_string(),
        other => panic!("a row has a key: {other:?}"),
    };
    rows.iter().map(key).collect()
}

pub(super) async fn selected(store: &dyn Store, condition: RowCondition) -> Result<String> {
    let query = RowQuery { condition, ..RowQuery::default() };
    let rows = store.query(&things(), &query).await?;
    assert_eq!(store.count(&things(), &query).await?, rows.len() as u64);
    Ok(keys(&rows))
}

async fn sorted(store: &dyn Store, order: Vec<SortKey>) -> Result<String> {
    Ok(keys(&store.query(&things(), &RowQuery { order, ..RowQuery::default() }).await?))
}

fn is(column: usize, operator: Operator, value: Value) -> RowCondition {
    RowCondition::compare(column, operator, value)
}

pub(super) fn not(condition: RowCondition) -> RowCondition {
    RowCondition::Not(Box::new(condition))
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
            let found = selected(&*store, is(column, operator, middle.clone())).await?;
            assert_eq!(found, expected, "{operator:?} {middle:?}");
        }
        assert_eq!(sorted(&*store, vec![SortKey::ascending(column)]).await?, "dabc");
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
    ];
    for (operator, expected) in facts {
        let found = selected(&*store, is(column::NAME, operator, Value::Null)).await?;
        assert_eq!(found, expected, "{operator:?} nothing");
    }
    for (operator, expected) in [
        (Operator::Equal, "b"),
        (Operator::NotEqual, "acd"),
        (Operator::AtLeast, "bc"),
        (Operator::AtMost, "b"),
    ] {
        let found = selected(&*store, is(column::NAME, operator, text(""))).await?;
        assert_eq!(found, expected, "{operator:?} empty text");
    }
    Ok(())
}

pub async fn one_of_many_values_is_enough(store: Arc<dyn Store>) -> Result {
    let sizes = [Value::Integer(1), Value::Integer(2), Value::Null, Value::Integer(3)];
    put(&*store, column::SIZE, sizes).await;
    let one_of =
        |values: &[Value]| RowCondition::OneOf { column: column::SIZE, values: values.to_vec() };
    let integers = |range: std::ops::Range<i64>| range.map(Value::Integer).collect::<Vec<_>>();
    for (values, expected) in [
        (vec![], ""),
        (vec![Value::Null], "c"),
        (integers(2..4), "bd"),
        ([integers(3..4), vec![Value::Null]].concat(), "cd"),
        (integers(3..5000), "d"),
    ] {
        let count = values.len();
        assert_eq!(selected(&*store, one_of(&values)).await?, expected, "{count} values");
        let others: String = "abcd".chars().filter(|key| !expected.contains(*key)).collect();
        assert_eq!(selected(&*store, not(one_of(&values))).await?, others, "not {count} values");
    }
    put_prices(&*store).await?;
    let prices = ["1.50", "7"].map(decimal).to_vec();
    let prices = RowCondition::OneOf { column: column::PRICE, values: prices };
    assert_eq!(selected(&*store, prices).await?, "p");
    Ok(())
}

async fn put_prices(store: &dyn Store) -> Result {
    let row =
        |(id, price): (&str, &str)| unit().put(None, thing(id, [(column::PRICE, decimal(price))]));
    commit_all(store, [("p", "1.5"), ("q", "1.51")].map(row).into()).await;
    Ok(())
}

pub async fn what_does_not_hold_of_nothing_holds_negated(store: Arc<dyn Store>) -> Result {
    let sizes = [Value::Integer(1), Value::Null, Value::Integer(3)];
    put(&*store, column::SIZE, sizes).await;
    let size = |operator, number| is(column::SIZE, operator, Value::Integer(number));
    let two = |one, other| (size(Operator::Less, one), size(Operator::Greater, other));
    for (condition, expected) in [
        (not(size(Operator::Equal, 1)), "bc"),
        (not(size(Operator::NotEqual, 1)), "a"),
        (not(size(Operator::Less, 2)), "bc"),
        (not(size(Operator::Greater, 0)), "b"),
        (not(not(size(Operator::Less, 2))), "a"),
        (not(is(column::SIZE, Operator::Equal, Value::Null)), "ac"),
        (not(two(2, 2).0.or(two(2, 2).1)), "b"),
        (not(two(4, 0).0.and(two(4, 0).1)), "b"),
        (not(RowCondition::All(vec![])), ""),
        (not(RowCondition::Any(vec![])), "abc"),
        (size(Operator::Equal, 1).or(not(size(Operator::AtMost, 3))), "ab"),
    ] {
        assert_eq!(selected(&*store, condition.clone()).await?, expected, "{condition:?}");
    }
    Ok(())
}

pub async fn conditions_may_be_many(store: Arc<dyn Store>) -> Result {
    put(&*store, column::SIZE, [1, 2, 3].map(Value::Integer)).await;
    let size = |number| is(column::SIZE, Operator::Equal, Value::Integer(number));
    let any = RowCondition::Any((3..2000).map(size).collect());
    assert_eq!(selected(&*store, any).await?, "c");
    let all = RowCondition::All((4..2000).map(|number| not(size(number))).collect());
    assert_eq!(selected(&*store, all).await?, "abc");
    let deep = (0..40).fold(size(2), |inner, number| not(inner.or(size(number % 2 + 4))));
    assert_eq!(selected(&*store, deep).await?, "b");
    Ok(())
}

pub async fn decimals_compare_by_size(store: Arc<dyn Store>) -> Result {
    let numbers = ["10", "9", "-0.5", "-10", "0.1000000000000000000000000001", "0.10", "1.50"];
    put(&*store, column::PRICE, numbers.map(decimal)).await;
    assert_eq!(sorted(&*store, vec![SortKey::ascending(column::PRICE)]).await?, "dcfegba");
    for (operator, number, expected) in [
        (Operator::Equal, "0.1", "f"),
        (Operator::Equal, "1.5", "g"),
        (Operator::Equal, "10.000", "a"),
        (Operator::NotEqual, "10.0", "bcdefg"),
        (Operator::Greater, "0.1", "abeg"),
        (Operator::AtLeast, "0.1000000000000000000000000001", "abeg"),
        (Operator::Less, "-0.49", "cd"),
    ] {
        let price = is(column::PRICE, operator, decimal(number));
        assert_eq!(selected(&*store, price).await?, expected, "{operator:?} {number}");
    }
    Ok(())
}

pub async fn text_sorts_by_its_bytes(store: Arc<dyn Store>) -> Result {
    let texts = ["b", "B", "ä", "", "a\0", "a", "\u{1F980}", "\u{FFFD}"].map(Value::text);
    put(&*store, column::NAME, texts).await;
    assert_eq!(sorted(&*store, vec![SortKey::ascending(column::NAME)]).await?, "dbfeachg");
    assert_eq!(sorted(&*store, vec![SortKey::descending(column::NAME)]).await?, "ghcaefbd");
    Ok(())
}

pub async fn nothing_sorts_before_everything(store: Arc<dyn Store>) -> Result {
    let moment = |micros| Value::Timestamp(Timestamp::from_micros(micros));
    put(&*store, column::SEEN, [moment(1), Value::Null, moment(i64::MIN), moment(0)]).await;
    assert_eq!(sorted(&*store, vec![SortKey::ascending(column::SEEN)]).await?, "bcda");
    assert_eq!(sorted(&*store, vec![SortKey::descending(column::SEEN)]).await?, "adcb");
    Ok(())
}

pub async fn the_first_column_counts_most(store: Arc<dyn Store>) -> Result {
    let pairs = [("a", 2, "x"), ("b", 1, "y"), ("c", 2, "y"), ("d", 1, "x")];
    let row = |(id, size, name): (&str, i64, &str)| {
        let (size, name) = (Value::Integer(size), Value::text(name));
        unit().put(None, thing(id, [(column::SIZE, size), (column::NAME, name)]))
    };
    commit_all(&*store, pairs.map(row).into()).await;
    let (up, down) = (SortKey::ascending, SortKey::descending);
    let by = |first, second| sorted(&*store, vec![first, second]);
    assert_eq!(by(up(column::SIZE), up(column::NAME)).await?, "dbac");
    assert_eq!(by(up(column::SIZE), down(column::NAME)).await?, "bdca");
    assert_eq!(by(down(column::NAME), up(column::SIZE)).await?, "bcda");
    Ok(())
}

pub async fn the_key_decides_between_equals(store: Arc<dyn Store>) -> Result {
    let row = |id: &str| unit().put(None, thing(id, [(column::SIZE, Value::Integer(1))]));
    commit_all(&*store, ["c", "ä", "a", "B", "b"].map(row).into()).await;
    assert_eq!(sorted(&*store, vec![]).await?, "Babcä");
    for column in [column::SIZE, column::NAME] {
        assert_eq!(sorted(&*store, vec![SortKey::ascending(column)]).await?, "Babcä");
        // In the direction of the last order, so that an index serves an order and its opposite.
        assert_eq!(sorted(&*store, vec![SortKey::descending(column)]).await?, "äcbaB");
    }
    let both = vec![SortKey::descending(column::SIZE), SortKey::ascending(column::NAME)];
    assert_eq!(sorted(&*store, both).await?, "Babcä");
    // Sort keys after the key have no effect.
    let by_key = vec![SortKey::descending(column::ID), SortKey::ascending(column::SIZE)];
    assert_eq!(sorted(&*store, by_key).await?, "äcbaB");
    Ok(())
}

pub async fn a_limit_cuts_after_sorting(store: Arc<dyn Store>) -> Result {
    put(&*store, column::SIZE, [3, 1, 2, 5, 4].map(Value::Integer)).await;
    for (limit, expected) in
        [(Some(0), ""), (Some(1), "b"), (Some(3), "bca"), (Some(9), "bcaed"), (None, "bcaed")]
    {
        let order = vec![SortKey::ascending(column::SIZE)];
        let query = RowQuery { order, limit, ..RowQuery::default() };
        assert_eq!(keys(&store.query(&things(), &query).await?), expected);
    }
    Ok(())
}

pub async fn an_offset_leaves_out_the_first(store: Arc<dyn Store>) -> Result {
    put(&*store, column::SIZE, [3, 1, 2, 5, 4].map(Value::Integer)).await;
    for (offset, limit, expected) in
        [(0, None, "bcaed"), (2, None, "aed"), (2, Some(2), "ae"), (4, Some(9), "d"), (9, None, "")]
    {
        let order = vec![SortKey::ascending(column::SIZE)];
        let query = RowQuery { order, offset, limit, ..RowQuery::default() };
        assert_eq!(keys(&store.query(&things(), &query).await?), expected);
    }
    Ok(())
}

pub async fn all_conditions_must_hold(store: Arc<dyn Store>) -> Result {
    put(&*store, column::SIZE, [1, 2, 3, 4, 5].map(Value::Integer)).await;
    let size = |operator, number| is(column::SIZE, operator, Value::Integer(number));
    let between = size(Operator::AtLeast, 2).and(size(Operator::Less, 5));
    assert_eq!(selected(&*store, between.clone()).await?, "bcd");
    let but = between.and(size(Operator::NotEqual, 3));
    assert_eq!(selected(&*store, but.clone()).await?, "bd");
    let key = is(column::ID, Operator::Equal, Value::text("d"));
    assert_eq!(selected(&*store, but.and(key)).await?, "d");
    Ok(())
}

pub async fn one_condition_of_several_is_enough(store: Arc<dyn Store>) -> Result {
    put(&*store, column::SIZE, [1, 2, 3, 4, 5].map(Value::Integer)).await;
    let size = |operator, number| is(column::SIZE, operator, Value::Integer(number));
    let ends = size(Operator::Less, 2).or(size(Operator::Greater, 4));
    assert_eq!(selected(&*store, ends.clone()).await?, "ae");
    let key = is(column::ID, Operator::Equal, Value::text("e"));
    assert_eq!(selected(&*store, ends.clone().and(key.clone())).await?, "e");
    assert_eq!(selected(&*store, key.and(size(Operator::Equal, 1)).or(ends)).await?, "ae");
    Ok(())
}

pub async fn a_count_knows_a_limit_and_no_order(store: Arc<dyn Store>) -> Result {
    put(&*store, column::SIZE, [3, 1, 2, 5, 4].map(Value::Integer)).await;
    let query = RowQuery {
        condition: is(column::SIZE, Operator::Greater, Value::Integer(1)),
        order: vec![SortKey::descending(column::SIZE)],
        limit: Some(2),
        ..RowQuery::default()
    };
    assert_eq!(keys(&store.query(&things(), &query).await?), "de");
    assert_eq!(store.count(&things(), &query).await?, 2);
    assert_eq!(store.count(&things(), &RowQuery { limit: None, ..query.clone() }).await?, 4);
    assert_eq!(store.count(&things(), &RowQuery { limit: Some(0), ..query }).await?, 0);
    Ok(())
}

pub async fn refuses_an_unknown_column(store: Arc<dyn Store>) -> Result {
    let odd = things().columns.len();
    let condition = not(is(odd, Operator::Equal, Value::Null));
    for query in [
        RowQuery { condition, ..RowQuery::default() },
        RowQuery { order: vec![SortKey::ascending(odd)], ..RowQuery::default() },
    ] {
        let error = store.query(&things(), &query).await.expect_err("there is no such column");
        assert!(error.to_string().contains("'things' has 10 columns"), "{error}");
        assert!(store.count(&things(), &query).await.is_err());
    }
    Ok(())
}

pub async fn a_query_is_explained(store: Arc<dyn Store>) -> Result {
    put(&*store, column::SIZE, [1, 2].map(Value::Integer)).await;
    let query = RowQuery {
        condition: is(column::SIZE, Operator::Greater, Value::Integer(1)),
        order: vec![SortKey::descending(column::SIZE)],
        after: Some(vec![Value::Integer(3), Value::text("a")]),
        ..RowQuery::default()
    };
    for wanted in [Wanted::Rows, Wanted::Count] {
        let plan = store.explain(&things(), &query, wanted).await?;
        assert!(plan.contains("things"), "{plan}");
    }
    Ok(())
}
