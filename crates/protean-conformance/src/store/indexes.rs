//! Facts of indexes: they are created and dropped with the columns, and may make several columns
//! unique together.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{Column, Index, Row, Table, Value};
use protean_port::port::{
    Outcome, RowChange, RowQuery, RowWrite, SchemaDifference, SortKey, Store,
};

use super::sample::{
    Draft, assert_stale, column, commit_all, commit_one, places, thing, things, unit,
};

/// Things with an index on name and size, and a unique index on name and price.
fn indexed() -> Table {
    let by_name = vec![SortKey::ascending(column::NAME), SortKey::descending(column::SIZE)];
    let one = vec![SortKey::ascending(column::NAME), SortKey::ascending(column::PRICE)];
    let indexes = vec![
        Index { columns: by_name, unique: false },
        Index { columns: vec![SortKey::ascending(column::PRICE)], unique: false },
        Index { columns: one, unique: true },
    ];
    Table { indexes, ..things() }
}

fn named(key: &str, name: &str, price: &str) -> Row {
    let price = price.parse().map_or(Value::Null, Value::Decimal);
    let name = Some(name).filter(|name| !name.is_empty()).map_or(Value::Null, Value::text);
    thing(key, [(column::NAME, name), (column::PRICE, price)])
}

/// Puts a row into the table with its indexes.
fn put(expected: Option<u64>, row: &Row) -> Draft {
    let Value::Text(key) = &row[column::ID] else { panic!("a thing has a key") };
    let version = expected.map_or(0, |version| version + 1);
    let change = RowChange::Put(Arc::clone(row));
    let write =
        RowWrite { table: Arc::new(indexed()), key: Arc::clone(key), expected, version, change };
    unit().with(|changes| changes.rows.push(write))
}

fn remove(key: &str, expected: u64) -> Draft {
    let (table, change) = (Arc::new(indexed()), RowChange::Remove);
    let (expected, version) = (Some(expected), expected + 1);
    let write = RowWrite { table, key: key.into(), expected, version, change };
    unit().with(|changes| changes.rows.push(write))
}

#[track_caller]
fn assert_taken(outcome: &Outcome) {
    match outcome {
        Outcome::Rejected(violations) => {
            let fields: Vec<&str> = violations.iter().map(|(field, _)| field).collect();
            assert_eq!(fields, ["name", "price"], "{violations}");
        }
        other => panic!("they are taken: {other:?}"),
    }
}

pub async fn what_is_unique_together_is_in_one_row(store: Arc<dyn Store>) -> Result {
    store.prepare(&[indexed()], &[]).await?;
    let fine = [("a", "x", "1"), ("b", "x", "2"), ("c", "y", "1")];
    let fine = fine.map(|(key, name, price)| put(None, &named(key, name, price)));
    commit_all(&*store, fine.into()).await.iter().for_each(|outcome| {
        places(outcome);
    });
    assert_taken(&commit_one(&*store, put(None, &named("d", "x", "1.00"))).await);
    // A row does not conflict with itself.
    places(&commit_one(&*store, put(Some(0), &named("a", "x", "1.0"))).await);
    assert_taken(&commit_one(&*store, put(Some(0), &named("b", "x", "1"))).await);
    // Rows without a value do not conflict.
    for key in ["e", "f"] {
        places(&commit_one(&*store, put(None, &named(key, "x", ""))).await);
        places(&commit_one(&*store, put(None, &named(&format!("{key}2"), "", "1"))).await);
    }
    places(&commit_one(&*store, remove("a", 1)).await);
    places(&commit_one(&*store, put(None, &named("d", "x", "1"))).await);
    Ok(())
}

pub async fn what_is_unique_together_is_taken_in_the_order_of_units(
    store: Arc<dyn Store>,
) -> Result {
    store.prepare(&[indexed()], &[]).await?;
    // One row gives up values, the next takes them, and the third is too late.
    let units = vec![
        put(None, &named("a", "x", "1")),
        put(Some(0), &named("a", "x", "2")),
        put(None, &named("b", "x", "1")),
        put(None, &named("c", "x", "2")),
    ];
    let outcomes = commit_all(&*store, units).await;
    outcomes[..3].iter().for_each(|outcome| {
        places(outcome);
    });
    assert_taken(&outcomes[3]);
    let units = vec![put(Some(0), &named("b", "x", "2")), put(Some(1), &named("a", "x", "3"))];
    let outcomes = commit_all(&*store, units).await;
    assert_taken(&outcomes[0]);
    places(&outcomes[1]);
    let outcomes = commit_all(
        &*store,
        vec![
            put(Some(2), &named("a", "y", "1")),
            put(Some(0), &named("b", "x", "3")),
            put(Some(7), &named("b", "x", "4")),
        ],
    );
    let outcomes = outcomes.await;
    outcomes[..2].iter().for_each(|outcome| {
        places(outcome);
    });
    assert_stale(&outcomes[2]);
    Ok(())
}

pub async fn indexes_come_and_go_with_a_preparation(store: Arc<dyn Store>) -> Result {
    let rows = [("a", "x", "1"), ("b", "x", "2"), ("c", "", "2")];
    let rows = rows.map(|(key, name, price)| unit().put(None, named(key, name, price)));
    commit_all(&*store, rows.into()).await.iter().for_each(|outcome| {
        places(outcome);
    });
    let mut other = indexed();
    // Another order is another index.
    other.indexes[0].columns[1] = SortKey::ascending(column::SIZE);
    other.indexes.remove(1);
    for table in [indexed(), other, indexed()] {
        let before = store.difference(std::slice::from_ref(&table)).await?;
        assert_eq!(before.manual, []);
        store.prepare(std::slice::from_ref(&table), &[]).await?;
        let after = store.difference(std::slice::from_ref(&table)).await?;
        assert_eq!(after, SchemaDifference::default());
        assert_eq!(store.count(&table, &RowQuery::default()).await?, 3);
    }
    assert_taken(&commit_one(&*store, put(None, &named("d", "x", "1"))).await);
    Ok(())
}

pub async fn an_index_is_made_once_however_many_ask(store: Arc<dyn Store>) -> Result {
    places(&commit_one(&*store, unit().put(None, named("a", "x", "1"))).await);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.prepare(&[indexed()], &[]).await });
    }
    tasks.join_all().await.into_iter().collect::<Result>()?;
    assert_eq!(store.difference(&[indexed()]).await?, SchemaDifference::default());
    assert_taken(&commit_one(&*store, put(None, &named("d", "x", "1"))).await);
    Ok(())
}

pub async fn refuses_to_make_unique_what_rows_share(store: Arc<dyn Store>) -> Result {
    let rows = [named("a", "x", "1"), named("b", "x", "1.0")];
    let rows = rows.map(|row| unit().put(None, row));
    commit_all(&*store, rows.into()).await.iter().for_each(|outcome| {
        places(outcome);
    });
    for _ in 0..2 {
        let error = store.prepare(&[indexed()], &[]).await.expect_err("two rows share both values");
        let text = error.to_string();
        assert!(text.contains("unique(name, price)") && text.contains("share"), "{text}");
    }
    places(&commit_one(&*store, unit().put(Some(0), named("b", "x", "2"))).await);
    store.prepare(&[indexed()], &[]).await?;
    assert_eq!(store.difference(&[indexed()]).await?, SchemaDifference::default());
    assert_taken(&commit_one(&*store, put(None, &named("d", "x", "1"))).await);
    Ok(())
}

pub async fn refuses_to_make_a_new_column_unique_with_one_that_rows_share(
    store: Arc<dyn Store>,
) -> Result {
    let rows = [named("a", "x", "1"), named("b", "x", "2")];
    let rows = rows.map(|row| unit().put(None, row));
    commit_all(&*store, rows.into()).await.iter().for_each(|outcome| {
        places(outcome);
    });
    let mut table = things();
    let fresh = Column {
        name: "shelf".to_owned(),
        unique: false,
        nullable: false,
        default: Some(Value::Integer(1)),
        ..table.columns[column::SIZE].clone()
    };
    table.columns.push(fresh);
    let both = vec![SortKey::ascending(column::NAME), SortKey::ascending(table.columns.len() - 1)];
    table.indexes.push(Index { columns: both, unique: true });
    let refused = store.prepare(&[table.clone()], &[]).await;
    let error = refused.expect_err("both rows get the default").to_string();
    assert!(error.contains("unique(name, shelf)") && error.contains("share"), "{error}");
    Ok(())
}

pub async fn an_index_goes_on_under_the_new_names_of_its_columns(store: Arc<dyn Store>) -> Result {
    store.prepare(&[indexed()], &[]).await?;
    places(&commit_one(&*store, put(None, &named("a", "x", "1"))).await);
    let mut renamed = indexed();
    for (index, name) in [(column::NAME, "title"), (column::PRICE, "cost")] {
        let former = std::mem::replace(&mut renamed.columns[index].name, name.to_owned());
        renamed.columns[index] =
            Column { renamed_from: vec![former], ..renamed.columns[index].clone() };
    }
    for _ in 0..2 {
        store.prepare(std::slice::from_ref(&renamed), &[]).await?;
        let difference = store.difference(std::slice::from_ref(&renamed)).await?;
        assert_eq!(difference, SchemaDifference::default());
    }
    let change = RowChange::Put(named("d", "x", "1"));
    let table = Arc::new(renamed);
    let write = RowWrite { table, key: "d".into(), expected: None, version: 0, change };
    let outcome = commit_one(&*store, unit().with(|changes| changes.rows.push(write))).await;
    assert!(matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
    Ok(())
}
