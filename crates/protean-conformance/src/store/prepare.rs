//! Facts of preparing a store, extending it, and taking it down.

use std::sync::Arc;

use protean_port::message::{Column, ColumnKind, Priority, Table, Value};
use protean_port::port::{
    At, GroupStatus, Outcome, RowChange, RowQuery, RowState, RowWrite, SchemaDifference, Start,
    Store,
};
use protean_port::{Error, Result};

use super::sample::{
    Draft, READER, account, accounts, assert_stale, column, commit_one, lane_read, places,
    recorded, registration, registrations, tables, thing, things, unit,
};

pub async fn preparing_again_changes_nothing(store: Arc<dyn Store>) -> Result {
    let row = thing("t", [(column::EMAIL, Value::text("a@b.c"))]);
    places(&commit_one(&*store, unit().put(None, Arc::clone(&row))).await);
    recorded(&*store, &account("a"), Priority::NORMAL).await;
    for _ in 0..2 {
        store.prepare(&tables(), &registrations()).await?;
        let state = RowState { row: Some(Arc::clone(&row)), version: Some(0) };
        assert_eq!(store.row(&things(), "t").await?, state);
        assert_eq!(store.lane(lane_read(READER)).await?.len(), 1);
    }
    Ok(())
}

pub async fn preparing_at_once_is_safe(store: Arc<dyn Store>) -> Result {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(&store);
        let other = Table { name: "others".to_owned(), ..things() };
        let group = registration("new", Start::Beginning);
        tasks.spawn(async move { store.prepare(&[things(), other], &[group]).await });
    }
    tasks.join_all().await.into_iter().collect()
}

pub async fn a_log_keeps_its_id_until_it_is_renewed(store: Arc<dyn Store>) -> Result {
    let first = store.log_id().await?;
    store.prepare(&tables(), &registrations()).await?;
    recorded(&*store, &account("a"), Priority::NORMAL).await;
    assert_eq!(store.log_id().await?, first);
    let renewed = store.renew_log_id().await?;
    assert_ne!(renewed, first);
    store.prepare(&tables(), &registrations()).await?;
    assert_eq!(store.log_id().await?, renewed);
    Ok(())
}

/// Things with one more column, in the middle.
fn extended() -> Table {
    let mut table = things();
    let name = "colour".to_owned();
    let column = Column {
        name,
        kind: ColumnKind::Text,
        nullable: true,
        unique: true,
        default: None,
        renamed_from: Vec::new(),
    };
    table.columns.insert(2, column);
    table
}

pub async fn a_new_column_is_empty_in_old_rows(store: Arc<dyn Store>) -> Result {
    let old = thing("t", [(column::NAME, Value::text("x")), (column::EMAIL, Value::text("e"))]);
    places(&commit_one(&*store, unit().put(None, Arc::clone(&old))).await);
    store.prepare(&[extended()], &[]).await?;
    let mut values = old.to_vec();
    values.insert(2, Value::Null);
    let state = RowState { row: Some(values.clone().into()), version: Some(0) };
    assert_eq!(store.row(&extended(), "t").await?, state);
    values[2] = Value::text("red");
    let row: protean_port::message::Row = values.into();
    let write = |key: &str, expected: Option<u64>, row| {
        let version = expected.map_or(0, |expected| expected + 1);
        let (table, change) = (Arc::new(extended()), RowChange::Put(row));
        RowWrite { table, key: key.into(), expected, version, change }
    };
    let put = |write| unit().with(|changes| changes.rows.push(write));
    places(&commit_one(&*store, put(write("t", Some(0), Arc::clone(&row)))).await);
    assert_eq!(store.query(&extended(), &RowQuery::default()).await?[0].row, Some(row));
    // What was unique before still is, and so is the new column.
    for (index, value) in [(3, "e"), (2, "red")] {
        let mut values = vec![Value::Null; extended().columns.len()];
        (values[0], values[index]) = (Value::text("u"), Value::text(value));
        let outcome = commit_one(&*store, put(write("u", None, values.into()))).await;
        assert!(matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
    }
    Ok(())
}

pub async fn a_new_column_takes_its_default_in_old_rows(store: Arc<dyn Store>) -> Result {
    for id in ["s", "t"] {
        places(&commit_one(&*store, unit().put(None, thing(id, []))).await);
    }
    let defaults = [
        Value::text("it's"),
        Value::Integer(-7),
        Value::Real(2.0),
        Value::Real(1e300),
        Value::Decimal("-0.50".parse().unwrap_or_default()),
        Value::Bool(true),
        Value::Date(protean_port::message::Date::new(2026, 11, 29).unwrap_or_else(|| panic!())),
        Value::Timestamp(protean_port::message::Timestamp::from_micros(5)),
        Value::Json("[\"it's\"]".into()),
    ];
    let mut table = things();
    for (number, value) in defaults.iter().enumerate() {
        let kind = match value {
            Value::Null | Value::Text(_) => ColumnKind::Text,
            Value::Integer(_) => ColumnKind::Integer,
            Value::Real(_) => ColumnKind::Real,
            Value::Decimal(_) => ColumnKind::Decimal,
            Value::Bool(_) => ColumnKind::Bool,
            Value::Date(_) => ColumnKind::Date,
            Value::Timestamp(_) => ColumnKind::Timestamp,
            Value::Json(_) => ColumnKind::Json,
        };
        for nullable in [false, true] {
            let name = format!("more_{number}_{}", if nullable { "or_none" } else { "always" });
            let default = Some(value.clone());
            table.columns.push(Column {
                name,
                kind,
                nullable,
                unique: false,
                default,
                renamed_from: Vec::new(),
            });
        }
    }
    for _ in 0..2 {
        store.prepare(&[table.clone()], &[]).await?;
        let row = store.row(&table, "t").await?.row.unwrap_or_else(|| panic!("it is there"));
        let added: Vec<_> = row[things().columns.len()..].iter().step_by(2).cloned().collect();
        assert_eq!(added, defaults);
        let more: Vec<_> = row[things().columns.len() + 1..].iter().step_by(2).cloned().collect();
        assert_eq!(more, defaults);
        // Another default is for the rows of another day.
        table.columns.iter_mut().for_each(|column| column.default = None);
    }
    Ok(())
}

/// Things whose columns have other names than before, and other places.
fn renamed() -> Table {
    let mut table = things();
    for (index, name) in
        [(column::ID, "thing_id"), (column::EMAIL, "mail"), (column::PRICE, "cost")]
    {
        let former = std::mem::replace(&mut table.columns[index].name, name.to_owned());
        table.columns[index].renamed_from = vec!["never_there".to_owned() + name, former];
    }
    table.columns.swap(column::EMAIL, column::SIZE);
    table
}

/// A new row of the table, with a value in one column.
fn put(table: &Table, key: &str, index: usize, value: Value) -> Draft {
    let mut row = vec![Value::Null; table.columns.len()];
    (row[table.key], row[index]) = (Value::text(key), value);
    let (table, change) = (Arc::new(table.clone()), RowChange::Put(row.into()));
    let write = RowWrite { table, key: key.into(), expected: None, version: 0, change };
    unit().with(|changes| changes.rows.push(write))
}

pub async fn a_renamed_column_keeps_its_values_and_stays_unique(store: Arc<dyn Store>) -> Result {
    let price = Value::Decimal("1.50".parse().unwrap_or_default());
    let old = thing("t", [(column::EMAIL, Value::text("e")), (column::PRICE, price)]);
    places(&commit_one(&*store, unit().put(None, Arc::clone(&old))).await);
    let mut values = old.to_vec();
    values.swap(column::EMAIL, column::SIZE);
    // It may be prepared again, as every start of the program does.
    for _ in 0..2 {
        store.prepare(&[renamed()], &[]).await?;
        let state = RowState { row: Some(values.clone().into()), version: Some(0) };
        assert_eq!(store.row(&renamed(), "t").await?, state);
    }
    let taken = put(&renamed(), "u", column::SIZE, Value::text("e"));
    let outcome = commit_one(&*store, taken).await;
    assert!(matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
    places(&commit_one(&*store, put(&renamed(), "u", column::SIZE, Value::text("f"))).await);
    assert_eq!(store.count(&renamed(), &RowQuery::default()).await?, 2);
    Ok(())
}

pub async fn renaming_at_once_is_safe(store: Arc<dyn Store>) -> Result {
    places(&commit_one(&*store, put(&things(), "t", column::EMAIL, Value::text("e"))).await);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.prepare(&[renamed()], &[]).await });
    }
    tasks.join_all().await.into_iter().collect::<Result>()?;
    let row = store.row(&renamed(), "t").await?.row.unwrap_or_else(|| panic!("it is there"));
    assert_eq!(row[column::SIZE], Value::text("e"));
    Ok(())
}

pub async fn an_older_version_is_refused_after_a_renaming(store: Arc<dyn Store>) -> Result {
    // Columns that the older version could add again, as empty ones.
    let mut newer = renamed();
    newer.columns[column::ID] = things().columns[column::ID].clone();
    places(&commit_one(&*store, put(&things(), "t", column::EMAIL, Value::text("e"))).await);
    store.prepare(std::slice::from_ref(&newer), &[]).await?;
    for _ in 0..2 {
        let error = store.prepare(&tables(), &[]).await.expect_err("its column has another name");
        assert!(error.to_string().contains("things"), "{error}");
    }
    store.prepare(std::slice::from_ref(&newer), &[]).await?;
    let row = store.row(&newer, "t").await?.row.unwrap_or_else(|| panic!("it is there"));
    assert_eq!(row[column::SIZE], Value::text("e"));
    Ok(())
}

pub async fn refuses_a_column_that_is_there_under_both_names(store: Arc<dyn Store>) -> Result {
    places(&commit_one(&*store, put(&things(), "t", column::NAME, Value::text("n"))).await);
    let mut both = things();
    let title = Column { name: "title".to_owned(), ..both.columns[column::NAME].clone() };
    both.columns.push(title.clone());
    store.prepare(&[both.clone()], &[]).await?;
    let mut one = things();
    one.columns[column::NAME] = Column { renamed_from: vec!["name".to_owned()], ..title };
    let error = store.prepare(&[one], &[]).await.expect_err("which one is meant?").to_string();
    assert!(error.contains("title") && error.contains("things"), "{error}");
    let row = store.row(&both, "t").await?.row.unwrap_or_else(|| panic!("it is there"));
    assert_eq!((&row[column::NAME], row.last()), (&Value::text("n"), Some(&Value::Null)));
    Ok(())
}

pub async fn nothing_differs_once_it_is_prepared(store: Arc<dyn Store>) -> Result {
    places(&commit_one(&*store, put(&things(), "t", column::EMAIL, Value::text("e"))).await);
    for table in [things(), extended(), extended()] {
        // Looking changes nothing.
        let looked = store.difference(std::slice::from_ref(&table)).await?;
        assert_eq!(store.difference(std::slice::from_ref(&table)).await?, looked);
        assert_eq!(looked.manual, []);
        store.prepare(std::slice::from_ref(&table), &[]).await?;
        assert_eq!(store.difference(&[table]).await?, SchemaDifference::default());
    }
    Ok(())
}

pub async fn refuses_a_column_of_another_kind_whole(store: Arc<dyn Store>) -> Result {
    let row = thing("t", [(column::SIZE, Value::Integer(1))]);
    places(&commit_one(&*store, unit().put(None, Arc::clone(&row))).await);
    recorded(&*store, &account("a"), Priority::NORMAL).await;
    let mut changed = things();
    changed.columns[column::SIZE].kind = ColumnKind::Text;
    let fresh = Table { name: "fresh".to_owned(), ..things() };
    let late = registration("late", Start::Head);
    let error = store.prepare(&[fresh, changed], &[late]).await.expect_err("it changes a kind");
    let text = error.to_string();
    assert!(text.contains("things") && text.contains("size"), "{text}");
    assert_eq!(store.row(&things(), "t").await?.row, Some(row));
    // The group was not registered, so it still stands at the beginning.
    assert_eq!(store.group_status("late", &accounts()).await?.committed, 1);
    Ok(())
}

pub async fn a_group_from_the_head_misses_what_was_before(store: Arc<dyn Store>) -> Result {
    for priority in [0, 50, 0] {
        recorded(&*store, &account("a"), Priority::new(priority)).await;
    }
    store.prepare(&[], &[registration("late", Start::Head)]).await?;
    let standing = store.group_status("late", &accounts()).await?;
    assert_eq!((standing.committed, standing.lag()), (0, 0));
    assert!(standing.lanes.iter().all(|lane| lane.oldest.is_none()));
    assert_eq!(store.lane(lane_read("late")).await?, []);
    for priority in [0, 50, -100] {
        recorded(&*store, &account("a"), Priority::new(priority)).await;
    }
    let read = store.lane(lane_read("late")).await?;
    let read: Vec<_> = read.iter().map(|delivery| delivery.recorded.position).collect();
    assert_eq!(read, [5, 4, 6]);
    let standing = store.group_status("late", &accounts()).await?;
    assert_eq!((standing.committed, standing.lag()), (3, 3));
    // A message beside the cursor it began with needs no mark of its own.
    let settled = unit().mark("late", Priority::HIGH, At::UpTo(5));
    places(&commit_one(&*store, settled).await);
    assert_eq!(store.group_status("late", &accounts()).await?.lag(), 2);
    Ok(())
}

pub async fn a_group_from_the_head_expects_what_came_after(store: Arc<dyn Store>) -> Result {
    for id in ["a", "a", "b"] {
        recorded(&*store, &account(id), Priority::NORMAL).await;
    }
    store.prepare(&[], &[registration("late", Start::Head)]).await?;
    for (id, next) in [("a", 2), ("b", 1), ("ab", 0)] {
        recorded(&*store, &account(id), Priority::NORMAL).await;
        assert_eq!(store.next("late", &account(id)).await?, next, "{id}");
        assert_eq!(store.next(READER, &account(id)).await?, 0);
    }
    let read = store.lane(lane_read("late")).await?;
    let next: Vec<_> = read.iter().map(|at| (at.recorded.stream_position, at.next)).collect();
    assert_eq!(next, [(2, 2), (1, 1), (0, 0)]);
    assert_stale(&commit_one(&*store, unit().step("late", &account("a"), 0)).await);
    places(&commit_one(&*store, unit().step("late", &account("a"), 2)).await);
    assert_eq!(store.next("late", &account("a")).await?, 3);
    Ok(())
}

pub async fn marks_made_before_enrolling_count_no_more(store: Arc<dyn Store>) -> Result {
    for settled in [1, 2, 3] {
        recorded(&*store, &account("a"), Priority::NORMAL).await;
        // The first is left open, so that the others cannot move the cursor.
        let mark = unit().mark("late", Priority::NORMAL, At::Only(settled));
        places(&commit_one(&*store, if settled == 1 { unit() } else { mark }).await);
    }
    store.prepare(&[], &[registration("late", Start::Head)]).await?;
    recorded(&*store, &account("a"), Priority::NORMAL).await;
    let standing = store.group_status("late", &accounts()).await?;
    assert_eq!((standing.committed, standing.lag(), standing.lanes[0].cursor), (1, 1, 3));
    Ok(())
}

pub async fn enrolling_again_changes_nothing(store: Arc<dyn Store>) -> Result {
    recorded(&*store, &account("a"), Priority::NORMAL).await;
    store.prepare(&[], &[registration("late", Start::Head)]).await?;
    recorded(&*store, &account("a"), Priority::NORMAL).await;
    for start in [Start::Head, Start::Beginning] {
        store.prepare(&[], &[registration("late", start), registration(READER, start)]).await?;
        assert_eq!(store.group_status("late", &accounts()).await?.committed, 1);
        assert_eq!(store.group_status(READER, &accounts()).await?.committed, 2);
    }
    Ok(())
}

pub async fn destroying_empties_everything(store: Arc<dyn Store>) -> Result {
    let stream = account("a");
    let mark = unit().append(&stream, Priority::NORMAL).append(&stream, Priority::NORMAL);
    let mark = mark.mark(READER, Priority::NORMAL, At::Appended(0)).step(READER, &stream, 0);
    let mark = mark.claim("row-1", "m-1").put(None, thing("t", []));
    places(&commit_one(&*store, mark).await);
    store.prepare(&[], &[registration("late", Start::Head)]).await?;
    store.destroy(&tables()).await?;
    store.prepare(&tables(), &registrations()).await?;
    assert_eq!(store.stream(&stream, 0, 9).await?, []);
    assert_eq!(store.row(&things(), "t").await?, RowState::default());
    assert_eq!(store.next(READER, &stream).await?, 0);
    assert_eq!(store.group_status(READER, &accounts()).await?, GroupStatus::default());
    places(&commit_one(&*store, unit().claim("row-1", "m-2")).await);
    let first = recorded(&*store, &stream, Priority::NORMAL).await;
    assert_eq!((first.position, first.stream_position), (1, 0));
    assert_eq!(store.group_status("late", &accounts()).await?.committed, 1);
    assert_eq!(store.lane(lane_read(READER)).await?.len(), 1);
    Ok::<_, Error>(())
}
