//! Tables of one version of a program that another one declares differently.

use std::sync::Arc;

use protean_port::message::{Column, ColumnKind, Lane, Row, Table, Value};
use protean_port::port::{
    Changes, Operator, Outcome, RowChange, RowCondition, RowQuery, RowWrite, Store,
};

use super::{column, commit, is_committed};

/// People of whom two are known, in a table of this name.
fn people(name: &str) -> Table {
    Table { name: name.into(), ..super::people() }
}

/// A row that is there.
fn row(table: &Table, values: Row) -> RowWrite {
    let Value::Text(key) = values[table.key].clone() else { panic!("the key is a text") };
    let (table, change) = (Arc::new(table.clone()), RowChange::Put(values));
    RowWrite { table, key, expected: None, version: 0, change }
}

async fn put(store: &dyn Store, rows: Vec<RowWrite>) -> Outcome {
    commit(store, vec![Changes { rows, ..Changes::new(Lane::Primary) }]).await.remove(0)
}

fn number(text: &str) -> Value {
    Value::Decimal(text.parse().unwrap())
}

/// The table with two people, one of whom has nothing.
async fn with_rows(store: &dyn Store, name: &str) -> Table {
    let table = people(name);
    store.prepare(std::slice::from_ref(&table), &[]).await.unwrap();
    let rows = vec![
        row(&table, vec![Value::text("p"), Value::text("12"), number("1.50")].into()),
        row(&table, vec![Value::text("q"), Value::Null, Value::Null].into()),
    ];
    assert!(is_committed(&put(store, rows).await));
    table
}

/// A table, what it becomes, what stands for `<value>` and `<condition>`, and the two rows then.
type Change = (&'static str, fn(&mut Table), &'static str, [Vec<Value>; 2]);

fn required(name: &str, kind: ColumnKind) -> Column {
    Column { nullable: false, ..column(name, kind) }
}

fn added() -> Vec<Change> {
    let (twelve, price) = (Value::text("12"), number("1.50"));
    let p = |more| vec![Value::text("p"), twelve.clone(), price.clone(), more];
    let q = |more| vec![Value::text("q"), Value::Null, Value::Null, more];
    vec![
        (
            "new_and_required",
            |table| table.columns.push(required("age", ColumnKind::Integer)),
            "7",
            [p(Value::Integer(7)), q(Value::Integer(7))],
        ),
        (
            "new_and_unique",
            |table| {
                let nick = Column { unique: true, ..required("nick", ColumnKind::Text) };
                table.columns.push(nick);
            },
            "'nick of ' || \"id\"",
            [p(Value::text("nick of p")), q(Value::text("nick of q"))],
        ),
    ]
}

fn converted() -> Vec<Change> {
    let p = |one, two| vec![Value::text("p"), one, two];
    let q = |one| vec![Value::text("q"), one, Value::Null];
    vec![
        (
            "another_type",
            |table| {
                table.columns[1].kind = ColumnKind::Integer;
                table.columns[2].kind = ColumnKind::Text;
            },
            "",
            [p(Value::Integer(12), Value::text("1.50")), q(Value::Null)],
        ),
        (
            "another_type_and_required",
            |table| table.columns[1] = required("email", ColumnKind::Integer),
            "5",
            [p(Value::Integer(12), number("1.50")), q(Value::Integer(5))],
        ),
        (
            "required",
            |table| table.columns[1].nullable = false,
            "'none'",
            [p(Value::text("12"), number("1.50")), q(Value::text("none"))],
        ),
        (
            "renamed_and_required",
            |table| {
                let renamed_from = vec!["email".into()];
                table.columns[1] = Column { renamed_from, ..required("mail", ColumnKind::Text) };
            },
            "'none'",
            [p(Value::text("12"), number("1.50")), q(Value::text("none"))],
        ),
    ]
}

fn otherwise_changed() -> Vec<Change> {
    let p = |one, two| vec![Value::text("p"), one, two];
    let q = |one| vec![Value::text("q"), one, Value::Null];
    vec![
        (
            "no_longer_unique",
            |table| table.columns[1].unique = false,
            "",
            [p(Value::text("12"), number("1.50")), q(Value::Null)],
        ),
        (
            "another_key",
            |table| table.columns[0].name = "person_id".into(),
            "",
            [p(Value::text("12"), number("1.50")), q(Value::Null)],
        ),
    ]
}

/// Runs what is given to a person, with `value` for what only a person can decide.
async fn manual(store: &dyn Store, table: &Table, value: &str, run: &mut impl FnMut(&str)) {
    let tables = std::slice::from_ref(table);
    let error = store.prepare(tables, &[]).await.unwrap_err().to_string();
    let manual = store.difference(tables).await.unwrap().manual;
    assert!(error.contains(&manual[0].why), "{error}");
    for change in manual {
        assert_eq!(change.table, table.name);
        for statement in &change.statements {
            run(&statement.replace("<value>", value).replace("<condition>", value));
        }
    }
    store.prepare(tables, &[]).await.unwrap();
    assert_eq!(store.difference(tables).await.unwrap(), Default::default());
}

/// After what a person runs, the program starts and finds the rows.
pub(crate) async fn statements_for_a_person_do_what_they_say(
    store: &dyn Store,
    mut run: impl FnMut(&str),
) {
    for (name, change, value, expected) in
        added().into_iter().chain(converted()).chain(otherwise_changed())
    {
        let mut table = with_rows(store, name).await;
        change(&mut table);
        manual(store, &table, value, &mut run).await;
        for values in expected {
            let Value::Text(key) = values[0].clone() else { panic!("the key is a text") };
            let found = store.row(&table, &key).await.unwrap().row;
            assert_eq!(found, Some(values.into()), "{name}");
        }
        // It is whole: rows can be written, and what is unique is.
        let mut values = vec![Value::text("r"); table.columns.len()];
        for (value, column) in values.iter_mut().zip(&table.columns) {
            match column.kind {
                ColumnKind::Integer => *value = Value::Integer(99),
                ColumnKind::Decimal => *value = number("99"),
                _ => {}
            }
        }
        assert!(
            is_committed(&put(store, vec![row(&table, values.clone().into())]).await),
            "{name}"
        );
        values[0] = Value::text("s");
        let again = put(store, vec![row(&table, values.into())]).await;
        assert!(matches!(again, Outcome::Rejected(_)), "{name}: {again:?}");
    }
}

/// The ways back, and out of what a hasty rename left behind.
pub(crate) async fn statements_lead_back(store: &dyn Store, mut run: impl FnMut(&str)) {
    let old = with_rows(store, "went_back").await;
    let new = renamed(&old);
    store.prepare(std::slice::from_ref(&new), &[]).await.unwrap();
    manual(store, &old, "", &mut run).await;
    store.prepare(std::slice::from_ref(&new), &[]).await.unwrap();
    assert_eq!(store.row(&new, "p").await.unwrap().row.unwrap()[1], Value::text("12"));

    let old = with_rows(store, "hasty").await;
    let mut both = old.clone();
    both.columns.push(Column { unique: true, ..column("mail", ColumnKind::Text) });
    store.prepare(&[both], &[]).await.unwrap();
    let new = renamed(&old);
    manual(store, &new, "", &mut run).await;
    assert_eq!(store.row(&new, "p").await.unwrap().row.unwrap()[1], Value::text("12"));

    // A required column that the newer version has no field for, and a default that is in the way.
    let mut more = with_rows(store, "less").await;
    let age = Column { default: Some(Value::Integer(3)), ..required("age", ColumnKind::Integer) };
    more.columns.push(age);
    store.prepare(std::slice::from_ref(&more), &[]).await.unwrap();
    more.columns[3] = required("age", ColumnKind::Text);
    manual(store, &more, "", &mut run).await;
    assert_eq!(store.row(&more, "q").await.unwrap().row.unwrap()[3], Value::text("3"));
    more.columns[3].nullable = true;
    manual(store, &more, "", &mut run).await;
    assert_eq!(store.row(&more, "q").await.unwrap().row.unwrap()[3], Value::text("3"));
    let needed = Table { name: "needed".into(), ..people("needed") };
    let mut wide = needed.clone();
    wide.columns.push(Column { unique: true, ..required("nick", ColumnKind::Text) });
    store.prepare(&[wide], &[]).await.unwrap();
    manual(store, &needed, "", &mut run).await;
}

/// The table, in which the address has another name.
pub(crate) fn renamed(table: &Table) -> Table {
    let mut table = table.clone();
    table.columns[1].renamed_from = vec!["email".into()];
    table.columns[1].name = "mail".into();
    table
}

/// A program that runs on while a newer version renames a column gets errors, and damages nothing.
pub(crate) async fn an_older_program_damages_nothing(older: &dyn Store, newer: &dyn Store) {
    let old = with_rows(older, "beside").await;
    let new = renamed(&old);
    let condition = RowCondition::compare(1, Operator::Equal, Value::text("12"));
    let query = RowQuery { condition, ..RowQuery::default() };
    // Its statements are compiled.
    assert_eq!(older.query(&old, &query).await.unwrap().len(), 1);
    newer.prepare(std::slice::from_ref(&new), &[]).await.unwrap();
    for _ in 0..2 {
        let read = older.row(&old, "p").await.unwrap_err();
        assert!(read.is_unavailable() && read.to_string().lines().count() == 1, "{read}");
        assert!(read.to_string().contains("for this version of the program"), "{read}");
        assert!(older.query(&old, &query).await.unwrap_err().is_unavailable());
        let values: Row = vec![Value::text("r"), Value::text("13"), Value::Null].into();
        let write = put(older, vec![row(&old, values)]).await;
        assert!(matches!(write, Outcome::Unavailable(_)), "{write:?}");
        let refused = older.prepare(std::slice::from_ref(&old), &[]).await.unwrap_err();
        assert!(refused.to_string().contains("a newer version of the program"), "{refused}");
    }
    let rows = newer.query(&new, &RowQuery::default()).await.unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].row.as_ref().unwrap()[1], Value::text("12"));
    assert!(newer.difference(&[new]).await.unwrap().manual.is_empty());
}

/// The names of the tables of a program.
pub(crate) const TABLES: [&str; 3] = ["one", "three", "two"];

/// The tables of a program and of its next version, which renames a column of each and adds others.
pub(crate) fn versions() -> [Vec<Table>; 2] {
    let old: Vec<Table> = TABLES.iter().map(|name| people(name)).collect();
    let newer = old.iter().map(|table| {
        let mut table = renamed(table);
        let default = Some(Value::Integer(7));
        table.columns.push(Column { default, ..required("age", ColumnKind::Integer) });
        table.columns.push(Column { unique: true, ..column("nick", ColumnKind::Text) });
        table
    });
    let newer = newer.collect();
    [old, newer]
}

/// Prepares the older tables, each with two rows.
pub(crate) async fn fill(store: &dyn Store) {
    for name in TABLES {
        with_rows(store, name).await;
    }
}

/// The older version starts and finds all: the newer one has changed nothing.
pub(crate) async fn all_is_old(store: &dyn Store) {
    let [old, newer] = versions();
    store.prepare(&old, &[]).await.unwrap();
    for (table, newer) in old.iter().zip(&newer) {
        assert_eq!(store.row(table, "p").await.unwrap().row.unwrap()[1], Value::text("12"));
        assert!(store.row(newer, "p").await.is_err());
    }
}

/// The newer version starts, as often as it likes, and finds all.
pub(crate) async fn all_is_new(store: &dyn Store) {
    let [_, newer] = versions();
    for _ in 0..2 {
        store.prepare(&newer, &[]).await.unwrap();
        assert_eq!(store.difference(&newer).await.unwrap(), Default::default());
    }
    for table in &newer {
        let row = store.row(table, "p").await.unwrap().row.unwrap();
        let expected = [&Value::text("12"), &number("1.50"), &Value::Integer(7), &Value::Null];
        assert_eq!(row.iter().skip(1).collect::<Vec<_>>(), expected);
    }
}
