//! A store against the memory store: both return the same rows for the same random queries.

use std::future::Future;

use proptest::collection::vec;
use proptest::prelude::{Just, any};
use proptest::prop_oneof;
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Strategy};
use proptest::test_runner::TestCaseError;
use protean_port::memory::MemoryStore;
use protean_port::message::{Date, Row, Timestamp, Value};
use protean_port::port::{Case, Operator, RowCondition, RowQuery, SortKey, Store, TextPlace};

use super::model::runner;
use super::paging::sorted_by;
use super::sample::{column, commit_all, places, thing, things, unit};
use super::subject::Subject;
use crate::runtime::runtime;

/// Strings and substrings: wildcards of `LIKE` and of regular expressions, quotes, letters with
/// non-ASCII case, characters that PostgreSQL's `text` cannot hold, and the last characters.
const TEXTS: [&str; 22] = [
    "",
    "a",
    "A",
    "ab",
    "aB",
    "a%",
    "a_",
    "%",
    "_",
    "\\",
    "a\\%",
    "'",
    "\"",
    "it's",
    "ä",
    "Ä",
    "äB",
    "\0",
    "a\0b",
    "\u{1}",
    "\u{D7FF}",
    "\u{10FFFF}",
];

/// Elements of lists, as JSON: also numbers that are equal, that have many digits, and that are too
/// large for any database.
const ELEMENTS: [&str; 17] = [
    "1",
    "1.0",
    "10e-1",
    "-1",
    "0",
    "-0.0",
    "23",
    "1e200000",
    "123456789012345678901234567890",
    "123456789012345678901234567890.00",
    "1234567890123456789012345678901",
    "\"1\"",
    "\"a\"",
    "\"a\\\"b\"",
    "\"\\u0000\"",
    "true",
    "[1]",
];

/// Runs random queries on fresh stores and on memory stores.
///
/// # Panics
/// When they differ, with the smallest rows and query found that show the difference.
pub fn queries_agree_with_the_memory_store<S: Future<Output = Subject>>(fresh: impl Fn() -> S) {
    let runtime = runtime();
    // Many queries on few stores: creating a store takes longer than all of its queries.
    let cases = (vec(row(), 0..12), vec(query(), 150));
    let compared = runner(16).run(&cases, |(rows, queries)| {
        runtime.block_on(async {
            let subject = fresh().await;
            agree(&*subject.store(), &rows, &queries).await.map_err(TestCaseError::fail)
        })
    });
    compared.unwrap_or_else(|difference| panic!("{difference}"));
}

async fn agree(store: &dyn Store, rows: &[Row], queries: &[RowQuery]) -> Result<(), String> {
    let model = MemoryStore::new();
    for store in [store, &model] {
        store.prepare(&[things()], &[]).await.map_err(|error| error.to_string())?;
        let keyed = rows.iter().enumerate().map(|(number, row)| {
            let mut row = row.to_vec();
            row[column::ID] = Value::text(format!("{}{number}", TEXTS[number % TEXTS.len()]));
            unit().put(None, row.into())
        });
        commit_all(store, keyed.collect()).await.iter().for_each(|outcome| {
            places(outcome);
        });
    }
    for query in queries {
        let mut query = query.clone();
        // A page begins after an existing row, or anywhere.
        let expected = selected(&model, &query).await?;
        same(&query, &expected, &selected(store, &query).await?)?;
        if let Some(row) = expected.first() {
            query.after = Some(row.clone());
            same(&query, &selected(&model, &query).await?, &selected(store, &query).await?)?;
        }
        let (expected, found) = (counted(&model, &query).await?, counted(store, &query).await?);
        if expected != found {
            return Err(format!("{query:?}: counted {expected} and {found}"));
        }
    }
    Ok(())
}

/// The sort values of the selected rows, ending with the key.
async fn selected(store: &dyn Store, query: &RowQuery) -> Result<Vec<Vec<Value>>, String> {
    let rows = store.query(&things(), query).await;
    let rows = rows.map_err(|error| format!("{query:?}: {error}"))?;
    Ok(rows.iter().map(|state| sorted_by(query, state)).collect())
}

async fn counted(store: &dyn Store, query: &RowQuery) -> Result<u64, String> {
    store.count(&things(), query).await.map_err(|error| format!("{query:?}: {error}"))
}

fn same(query: &RowQuery, expected: &[Vec<Value>], found: &[Vec<Value>]) -> Result<(), String> {
    let keys = |rows: &[Vec<Value>]| -> Vec<Value> {
        rows.iter().filter_map(|values| values.last().cloned()).collect()
    };
    let (expected, found) = (keys(expected), keys(found));
    match expected == found {
        true => Ok(()),
        false => Err(format!("{query:#?}\nexpected {expected:?}\n   found {found:?}")),
    }
}

/// A value for a column, from a small set so that values are often equal.
fn value(column: usize) -> BoxedStrategy<Value> {
    match column {
        column::ID => select(&TEXTS[..]).prop_map(Value::text).boxed(),
        column::NAME => or_null(select(&TEXTS[..]).prop_map(Value::text)),
        column::SIZE => or_null((-2..4_i64).prop_map(Value::Integer)),
        column::WEIGHT => {
            or_null(select(vec![-1e300, -0.0, 0.0, 0.1, 2.5, 1e-300]).prop_map(Value::Real))
        }
        column::PRICE => {
            let prices =
                ["-10.5", "0", "0.00", "1.5", "1.50", "9.99", "10", "1234567890123456789.01"];
            let price = |price: &str| price.parse().map_or(Value::Null, Value::Decimal);
            or_null(select(prices.map(price).to_vec()))
        }
        column::ACTIVE => or_null(any::<bool>().prop_map(Value::Bool)),
        column::BORN => {
            let day = |day| Date::new(2026, 11, day).map_or(Value::Null, Value::Date);
            or_null((1..4_i8).prop_map(day))
        }
        column::SEEN => {
            or_null((-1..3_i64).prop_map(|at| Value::Timestamp(Timestamp::from_micros(at))))
        }
        _ => {
            let list = vec(select(&ELEMENTS[..]), 0..3);
            or_null(list.prop_map(|list| Value::Json(format!("[{}]", list.join(",")).into())))
        }
    }
}

fn or_null(value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    prop_oneof![1 => Just(Value::Null), 4 => value].boxed()
}

/// The columns whose values differ enough; the address is unique.
const COLUMNS: [usize; 9] = [
    column::ID,
    column::NAME,
    column::SIZE,
    column::WEIGHT,
    column::PRICE,
    column::ACTIVE,
    column::BORN,
    column::SEEN,
    column::TAGS,
];

fn row() -> impl Strategy<Value = Row> {
    COLUMNS.map(value).to_vec().prop_map(|values| {
        let mut row = thing("", []).to_vec();
        for (column, value) in COLUMNS.into_iter().zip(values) {
            row[column] = value;
        }
        Row::from(row)
    })
}

fn query() -> impl Strategy<Value = RowQuery> {
    let order = vec((select(&COLUMNS[..]), any::<bool>()), 0..3).prop_map(|keys| {
        let key = |(column, up): (usize, bool)| match up {
            true => SortKey::ascending(column),
            false => SortKey::descending(column),
        };
        keys.into_iter().map(key).collect()
    });
    let page = (0..3_usize, prop_oneof![Just(None), (0..5_usize).prop_map(Some)]);
    (condition(), order, page).prop_map(|(condition, order, (offset, limit))| RowQuery {
        condition,
        order,
        after: None,
        offset,
        limit,
    })
}

fn condition() -> impl Strategy<Value = RowCondition> {
    let leaf = select(&COLUMNS[..]).prop_flat_map(leaf);
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(RowCondition::All),
            vec(inner.clone(), 0..3).prop_map(RowCondition::Any),
            inner.prop_map(|inner| RowCondition::Not(Box::new(inner))),
        ]
    })
}

fn leaf(column: usize) -> BoxedStrategy<RowCondition> {
    use Operator::{AtLeast, AtMost, Equal, Greater, Less, NotEqual};
    let operators = vec![Equal, NotEqual, Less, AtMost, Greater, AtLeast];
    let compare = (select(operators), value(column))
        .prop_map(move |(operator, value)| RowCondition::compare(column, operator, value));
    let one_of =
        vec(value(column), 0..4).prop_map(move |values| RowCondition::OneOf { column, values });
    if column == column::TAGS {
        let has = select(&ELEMENTS[..])
            .prop_map(move |element| RowCondition::Has { column, element: element.into() });
        return prop_oneof![1 => compare, 1 => one_of, 4 => has].boxed();
    }
    use TextPlace::{Anywhere, End, Start, Whole};
    let places = select(vec![Whole, Start, End, Anywhere]);
    let cases = select(vec![Case::Exact, Case::IgnoredInAscii]);
    let text = (places, select(&TEXTS[..]), cases).prop_map(move |(place, text, case)| {
        RowCondition::Text { column, place, text: text.into(), case }
    });
    let is_text = column == column::NAME || column == column::ID;
    prop_oneof![3 => compare, 1 => one_of, if is_text { 4 } else { 1 } => text].boxed()
}
