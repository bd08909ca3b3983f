//! A table of many books, its indexes, and the queries that use them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protean_port::message::{Column, ColumnKind, Index, Lane, Table, Value};
use protean_port::port::{
    Case, Changes, GroupRegistration, Operator, RowChange, RowCondition, RowQuery, RowWrite,
    SchemaDifference, SortKey, Start, Store, TableSwap, TextPlace, Wanted,
};

use super::rebuilds::GROUP;
use super::{account, column, commit, is_committed};

const AUTHOR: usize = 1;
const TITLE: usize = 2;
const PRICE: usize = 3;
const STOCK: usize = 4;

/// How many authors have written the books.
const AUTHORS: usize = 50;

/// Books, without their indexes.
pub(crate) fn plain_books() -> Table {
    let required = |name, kind| Column { nullable: false, ..column(name, kind) };
    let columns = vec![
        required("id", ColumnKind::Text),
        required("author", ColumnKind::Text),
        column("title", ColumnKind::Text),
        column("price", ColumnKind::Decimal),
        required("stock", ColumnKind::Integer),
    ];
    Table { name: "books".into(), key: 0, columns, indexes: Vec::new() }
}

pub(crate) fn books() -> Table {
    let plain = |columns: &[SortKey]| Index { columns: columns.to_vec(), unique: false };
    let (up, down) = (SortKey::ascending, SortKey::descending);
    let unique = Index { columns: vec![up(STOCK), up(AUTHOR)], unique: true };
    let indexes =
        vec![plain(&[up(AUTHOR), down(TITLE)]), plain(&[up(TITLE)]), plain(&[up(PRICE)]), unique];
    Table { indexes, ..plain_books() }
}

pub(crate) fn book(table: &Table, number: usize) -> RowWrite {
    let key: Arc<str> = format!("b{number:07}").into();
    // Every eleventh book has no title, and every seventh no price.
    let title = Some(number).filter(|number| number % 11 > 0);
    let price = Some(number).filter(|number| number % 7 > 0);
    let price = price.map(|number| format!("{}.{:02}", number % 90, number % 100).parse().unwrap());
    let row = vec![
        Value::Text(Arc::clone(&key)),
        Value::text(format!("a{:02}", number % AUTHORS)),
        title.map_or(Value::Null, |title| {
            Value::text(format!("title {:06}", title * 7919 % 1_000_003))
        }),
        price.map_or(Value::Null, Value::Decimal),
        Value::Integer(number as i64),
    ];
    let (table, change) = (Arc::new(table.clone()), RowChange::Put(row.into()));
    RowWrite { table, key, expected: None, version: 0, change }
}

/// Puts books with the numbers of a range.
pub(crate) async fn put(store: &dyn Store, table: &Table, numbers: std::ops::Range<usize>) {
    let numbers: Vec<usize> = numbers.collect();
    for some in numbers.chunks(5_000) {
        let rows = some.iter().map(|number| book(table, *number)).collect();
        let unit = Changes { rows, ..Changes::new(Lane::Primary) };
        assert!(is_committed(&commit(store, vec![unit]).await[0]));
    }
}

/// Queries, each with the index that it needs.
pub(crate) fn queries() -> Vec<(RowQuery, &'static str)> {
    let (up, down) = (SortKey::ascending, SortKey::descending);
    let text = Value::text;
    let of_author = || RowCondition::compare(AUTHOR, Operator::Equal, text("a07"));
    let by = |order: &[SortKey]| RowQuery {
        order: order.to_vec(),
        limit: Some(20),
        ..RowQuery::default()
    };
    let of = |condition, order: &[SortKey]| RowQuery { condition, ..by(order) };
    let after =
        |query: RowQuery, values: &[Value]| RowQuery { after: Some(values.to_vec()), ..query };
    let starts = RowCondition::Text {
        column: TITLE,
        place: TextPlace::Start,
        text: "title 12".into(),
        case: Case::Exact,
    };
    let by_author = "books.index(author, title desc)";
    let price = Value::Decimal("45.00".parse().unwrap());
    let dear = RowCondition::compare(PRICE, Operator::Greater, price.clone());
    vec![
        (of(of_author(), &[down(TITLE)]), by_author),
        (of(of_author(), &[up(TITLE)]), by_author),
        (by(&[up(AUTHOR), down(TITLE)]), by_author),
        (by(&[down(AUTHOR), up(TITLE)]), by_author),
        (after(of(of_author(), &[down(TITLE)]), &[text("title 5"), text("b")]), by_author),
        (after(of(of_author(), &[down(TITLE)]), &[Value::Null, text("b9")]), by_author),
        (
            after(by(&[up(AUTHOR), down(TITLE)]), &[text("a07"), text("title 5"), text("b")]),
            by_author,
        ),
        (by(&[up(TITLE)]), "books.index(title)"),
        (by(&[down(TITLE)]), "books.index(title)"),
        (after(by(&[up(TITLE)]), &[Value::Null, text("b1")]), "books.index(title)"),
        (of(starts, &[up(TITLE)]), "books.index(title)"),
        (by(&[down(PRICE)]), "books.index(price)"),
        (of(dear, &[up(PRICE)]), "books.index(price)"),
        (after(by(&[up(PRICE)]), &[price, text("b1")]), "books.index(price)"),
    ]
}

/// Every query uses its index, and reads nothing else.
pub(crate) async fn every_order_uses_its_index(store: &dyn Store) {
    for (query, index) in queries() {
        let plan = store.explain(&books(), &query, Wanted::Rows).await.unwrap();
        let lines: Vec<&str> = plan.lines().skip(1).collect();
        // As PostgreSQL words it, and SQLite, which also scans what it has read of the ranges.
        let is_read = |line: &str| {
            let of_another = ["Subquery Scan", "Bitmap Heap Scan"];
            let is_scan = line.contains("Scan") && !of_another.iter().any(|one| line.contains(one));
            is_scan || line.contains("SCAN books") || line.contains("SEARCH")
        };
        let mut reads: Vec<usize> = (0..lines.len()).filter(|at| is_read(lines[*at])).collect();
        if lines.contains(&"CO-ROUTINE books") {
            assert_eq!(reads.pop().map(|at| lines[at]), Some("SCAN books"), "{plan}");
        }
        // The range of the key has few rows, so another index may serve it.
        let is_of_key = |at: usize| {
            let condition = lines.get(at + 1).unwrap_or(&"");
            condition.contains("Index Cond") && condition.contains("AND (id ")
        };
        let is_served = |at: usize| lines[at].contains(index) || is_of_key(at);
        assert!(lines.iter().any(|line| line.contains(index)), "{index}:\n{plan}");
        assert!(reads.into_iter().all(is_served), "{index}:\n{plan}");
        assert!(!store.query(&books(), &query).await.unwrap().is_empty(), "{query:?}");
    }
}

/// A table that takes the place of another has the same indexes.
pub(crate) async fn indexes_go_along_with_a_rebuild(store: &dyn Store) {
    store.prepare(&[books()], &[]).await.unwrap();
    for number in 2..4 {
        let ids = store.group_ids().await.unwrap();
        let swap = TableSwap::to_generation(books(), number, &[(GROUP, ids.id(GROUP))]);
        let category = account("a").category().clone();
        let group = GroupRegistration::new(&swap.groups[0].after, category, Start::Beginning);
        store.prepare(&[swap.successor()], &[group]).await.unwrap();
        put(store, &swap.successor(), 0..200).await;
        store.equip(&swap).await.unwrap();
        store.swap(&swap).await.unwrap();
        while store.clear(&swap).await.unwrap() {}
        let difference = store.difference(&[books()]).await.unwrap();
        assert_eq!(difference, SchemaDifference::default());
        let again = Changes { rows: vec![book(&books(), 3)], ..Changes::new(Lane::Primary) };
        assert!(!is_committed(&commit(store, vec![again]).await[0]));
    }
    // An index that is no longer declared is dropped; a unique one is left to a person.
    let mut fewer = books();
    fewer.indexes.remove(0);
    store.prepare(std::slice::from_ref(&fewer), &[]).await.unwrap();
    assert_eq!(store.difference(&[fewer]).await.unwrap(), SchemaDifference::default());
    let difference = store.difference(&[plain_books()]).await.unwrap();
    assert_eq!(difference.manual.len(), 1, "{difference:?}");
    assert_eq!(difference.manual[0].subject(), "index 'unique(stock, author)'");
    let refused = store.prepare(&[plain_books()], &[]).await.unwrap_err().to_string();
    assert!(refused.contains("extended: index 'unique(stock, author)': found"), "{refused}");
    assert!(difference.manual[0].statements[0].starts_with("DROP INDEX"), "{difference:?}");
}

/// The indexes of a table with a long name, of which databases keep the beginning, come and go too.
pub(crate) async fn indexes_of_a_long_name_come_and_go(store: &dyn Store) {
    let name = format!("books_{}", "of_a_long_name_".repeat(3));
    let [long, plain] = [books(), plain_books()].map(|table| Table { name: name.clone(), ..table });
    for _ in 0..2 {
        store.prepare(std::slice::from_ref(&long), &[]).await.unwrap();
        let difference = store.difference(std::slice::from_ref(&long)).await.unwrap();
        assert_eq!(difference, SchemaDifference::default());
    }
    let difference = store.difference(std::slice::from_ref(&plain)).await.unwrap();
    assert_eq!(difference.automatic.len(), 3, "{difference:?}");
    assert_eq!(difference.manual.len(), 1, "{difference:?}");
    assert!(difference.manual[0].subject().starts_with("index '"), "{difference:?}");
    let fewer = Table { indexes: long.indexes[3..].to_vec(), ..long.clone() };
    store.prepare(std::slice::from_ref(&fewer), &[]).await.unwrap();
    let difference = store.difference(&[fewer]).await.unwrap();
    assert_eq!(difference, SchemaDifference::default());
}

/// How long a page takes, wherever it is, as the program sees it: the median of 200 reads.
pub(crate) async fn time_of_a_page(store: &dyn Store, query: &RowQuery) -> Duration {
    let mut times = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        assert!(!store.query(&books(), query).await.unwrap().is_empty());
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2]
}
