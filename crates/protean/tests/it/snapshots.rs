//! Snapshots: when there is one, and that nobody sees whether there is.

use std::sync::Arc;

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof};
use proptest::proptest;
use protean::message::{Column, ColumnKind, Lane, Table};
use protean::message::{Id, SNAPSHOTS, Value};
use protean::model::Aggregate;
use protean::port::{Changes, RowChange, RowState, RowWrite};
use protean::prelude::{Decimal, Domain};
use protean::projection;
use protean::{Snapshots, destroy};

use crate::jar::{Jar, change, change_within, jars, jars_in, reader, stir, usual};

fn table() -> Table {
    let kinds = [ColumnKind::Text, ColumnKind::Text, ColumnKind::Integer, ColumnKind::Text];
    let columns = ["stream", "form", "version", "data"].into_iter().zip(kinds);
    let column = |(name, kind): (&str, _)| Column {
        name: name.to_owned(),
        kind,
        nullable: false,
        unique: false,
        default: None,
        renamed_from: Vec::new(),
    };
    let columns = columns.map(column).collect();
    Table { name: SNAPSHOTS.to_owned(), key: 0, columns, indexes: Vec::new() }
}

async fn row(domain: &Domain, id: &str) -> RowState {
    let stream = format!("kitchen::jar-{id}");
    domain.store().await.unwrap().row(&table(), &stream).await.unwrap()
}

/// The version of the snapshot of a jar.
async fn version(domain: &Domain, id: &str) -> Option<i64> {
    match row(domain, id).await.row?[2] {
        Value::Integer(version) => Some(version),
        _ => None,
    }
}

/// Overwrites columns of the snapshot of a jar.
async fn overwrite(domain: &Domain, id: &str, columns: &[(usize, Value)]) {
    let RowState { row: found, version } = row(domain, id).await;
    let mut values = found.unwrap().to_vec();
    columns.iter().for_each(|(index, value)| values[*index] = value.clone());
    let write = RowWrite {
        table: Arc::new(table()),
        key: format!("kitchen::jar-{id}").into(),
        expected: version,
        version: version.unwrap() + 1,
        change: RowChange::Put(values.into()),
    };
    let changes = Changes { rows: vec![write], ..Changes::new(Lane::Primary) };
    domain.store().await.unwrap().commit(Arc::new([changes])).await;
}

async fn shown(domain: &Domain, id: &str) -> String {
    format!("{:?}", reader(domain).await.get(&id.into()).await.unwrap())
}

#[tokio::test]
async fn is_taken_with_the_event_that_is_one_too_many() {
    let domain = jars(usual());
    stir(&domain, "a", 9).await;
    assert_eq!(version(&domain, "a").await, None);
    stir(&domain, "a", 1).await;
    assert_eq!(version(&domain, "a").await, Some(9));
    stir(&domain, "a", 9).await;
    assert_eq!(version(&domain, "a").await, Some(9));
    stir(&domain, "a", 1).await;
    assert_eq!(version(&domain, "a").await, Some(19));
}

#[tokio::test]
async fn with_a_threshold_of_nothing_none_is_taken_on_the_way() {
    let domain = jars(0);
    stir(&domain, "a", 30).await;
    assert_eq!(version(&domain, "a").await, None);
    assert!(Snapshots::of(&domain).take::<Jar>(&"a".into()).await.unwrap());
    assert_eq!(version(&domain, "a").await, Some(29));
}

#[tokio::test]
async fn what_a_handler_leaves_in_the_fields_is_in_no_snapshot() {
    let domain = jars(2);
    stir(&domain, "a", 1).await;
    change(&domain, "a", |jar| {
        jar.stir(1.into(), 0.5).unwrap();
        jar.label = "scribbled on".into();
    })
    .await;
    stir(&domain, "a", 1).await;
    assert_eq!(version(&domain, "a").await, Some(1));
    assert_eq!(reader(&domain).await.get(&"a".into()).await.unwrap().label, "new");
}

#[tokio::test]
async fn one_that_cannot_be_read_is_as_good_as_none() {
    let (domain, plain) = (jars(3), jars(0));
    stir(&domain, "a", 5).await;
    stir(&plain, "a", 5).await;
    for damage in ["", "{", "[]", "[1,2,3,4,5,6,7,8,9,10,11,12]", "null"] {
        overwrite(&domain, "a", &[(3, Value::text(damage))]).await;
        assert_eq!(shown(&domain, "a").await, shown(&plain, "a").await);
    }
    stir(&domain, "a", 1).await;
    stir(&plain, "a", 1).await;
    assert_eq!(version(&domain, "a").await, Some(5));
    assert_eq!(shown(&domain, "a").await, shown(&plain, "a").await);
}

#[tokio::test]
async fn one_of_another_form_is_left_aside_and_replaced() {
    let domain = jars(3);
    stir(&domain, "a", 5).await;
    let kept = row(&domain, "a").await.row.unwrap();
    let [_, Value::Text(form), _, Value::Text(data)] = &*kept else { panic!("{kept:?}") };
    assert!(form.starts_with("2 id:Text label:Text content:Decimal"), "{form}");
    let (other, of_old) = (form.replacen("2 ", "1 ", 1), data.replace("new", "of old"));
    overwrite(&domain, "a", &[(1, Value::text(other)), (3, Value::text(of_old))]).await;
    assert_eq!(reader(&domain).await.get(&"a".into()).await.unwrap().label, "new");
    stir(&domain, "a", 1).await;
    let replaced = row(&domain, "a").await.row.unwrap();
    assert_eq!((&replaced[1], &replaced[2]), (&kept[1], &Value::Integer(5)));
    assert_eq!(reader(&domain).await.get(&"a".into()).await.unwrap().label, "new");
}

#[tokio::test]
async fn are_taken_on_demand_where_there_is_none_of_the_present_version() {
    let domain = jars(usual());
    for id in ["a", "b", "c"] {
        stir(&domain, id, 2).await;
    }
    let snapshots = Snapshots::of(&domain);
    assert_eq!(snapshots.aggregates(), ["Jar"]);
    assert!(snapshots.take::<Jar>(&"b".into()).await.unwrap());
    assert!(!snapshots.take::<Jar>(&"b".into()).await.unwrap());
    let page = snapshots.take_page("Jar", None).await.unwrap();
    assert_eq!((page.made, page.present, page.faults.len()), (2, 1, 0));
    assert!(page.last.is_none());
    assert_eq!(version(&domain, "c").await, Some(1));
    let missing = snapshots.take::<Jar>(&"d".into()).await.unwrap_err();
    assert!(missing.is_not_found());
    let unknown = snapshots.take_of("Jarr", &"a".into()).await.unwrap_err();
    let text = "no event-sourced aggregate is called 'Jarr'; did you mean 'Jar'?";
    assert_eq!(unknown.to_string(), text);
}

#[projection(name = "Snapshots")]
struct Pictures {
    #[field(identifier)]
    id: Id,
}

#[test]
fn nobody_else_has_their_table() {
    let taken = protean::domain("kitchen").projection::<Pictures>().build();
    let text = taken.err().unwrap().to_string();
    assert!(
        text.contains("Snapshots: a table cannot be called 'snapshots', the name is reserved"),
        "{text}"
    );
}

#[tokio::test]
async fn go_with_everything_else_when_the_database_is_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let domain = jars_in(&sqlite(&folder), 1);
    stir(&domain, "a", 2).await;
    destroy(&domain).await.unwrap();
    let domain = jars_in(&sqlite(&folder), 1);
    assert_eq!(version(&domain, "a").await, None);
    stir(&domain, "a", 1).await;
    assert_eq!(version(&domain, "a").await, Some(0));
}

#[tokio::test]
async fn what_a_snapshot_covers_is_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let domain = jars_in(&sqlite(&folder), usual());
    // Twenty events a unit, so that this is quick.
    for _ in 0..100 {
        change(&domain, "a", |jar| {
            (0..20).for_each(|_| jar.stir(1.into(), 0.5).unwrap());
        })
        .await;
    }
    stir(&domain, "a", 3).await;
    let whole = shown(&domain, "a").await;
    assert_eq!(version(&domain, "a").await, Some(1999));
    // All but what is looked at to see that the stream is long.
    let shell = rusqlite::Connection::open(folder.path().join("jars.db")).unwrap();
    let sql = "DELETE FROM messages WHERE stream_position BETWEEN 11 AND 1999";
    assert_eq!(shell.execute(sql, []).unwrap(), 1989);
    assert_eq!(shown(&domain, "a").await, whole);
    stir(&domain, "a", 1).await;
    let jar = reader(&domain).await.get(&"a".into()).await.unwrap();
    assert_eq!((jar.stirred, jar.root().version()), (2004, Some(2003)));
}

fn sqlite(folder: &tempfile::TempDir) -> String {
    let file = folder.path().join("jars.db");
    format!("provider = \"sqlite\"\ndatabase_uri = 'sqlite://{}'", file.display())
}

/// Something that happens to one of two jars.
#[derive(Clone, Debug)]
enum Deed {
    Stir(i64, f64),
    Put(Option<i64>),
    /// What no event tells of.
    Scribble,
}

/// Deeds that belong to one unit of work, in turns that get the jar anew.
type Work = (bool, Vec<Vec<Deed>>);

fn deeds() -> impl Strategy<Value = Vec<Work>> {
    let deed = prop_oneof![
        4 => (-1000..1000_i64, -9.0..9.0_f64).prop_map(|(cents, ratio)| Deed::Stir(cents, ratio)),
        1 => any::<Option<i32>>().prop_map(|row| Deed::Put(row.map(i64::from))),
        1 => Just(Deed::Scribble),
    ];
    let turns = prop::collection::vec(prop::collection::vec(deed, 0..4), 1..3);
    prop::collection::vec((any::<bool>(), turns), 1..12)
}

fn apply(jar: &mut Jar, deed: &Deed) {
    match deed {
        Deed::Stir(cents, ratio) => jar.stir(Decimal::new(*cents, 2), *ratio).unwrap(),
        Deed::Put(row) => jar.put(*row).unwrap(),
        Deed::Scribble => jar.label = "scribbled on".into(),
    }
}

/// Does all of it and tells everything there is to see.
async fn outcome(domain: &Domain, works: &[Work]) -> Vec<String> {
    let mut seen = Vec::new();
    for (of_a, turns) in works {
        let id = Id::from(if *of_a { "a" } else { "b" });
        let unit = domain.unit_of_work(async |context| {
            for deeds in turns {
                let work = |jar: &mut Jar| deeds.iter().for_each(|deed| apply(jar, deed));
                change_within(context, &id, work).await?;
            }
            context.repository::<Jar>().find(&id).await
        });
        seen.push(format!("{:?}", unit.await.unwrap()));
    }
    for id in ["a", "b"].map(Id::from) {
        let jars = reader(domain).await;
        let found = jars.find(&id).await.unwrap();
        seen.push(format!("{found:?}"));
        for version in 0..found.and_then(|jar| jar.root().version()).unwrap_or(0) {
            seen.push(format!("{:?}", jars.at_version(&id, version).await.unwrap()));
        }
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]
    #[test]
    fn nobody_sees_whether_there_are_any(works in deeds()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let expected = outcome(&jars(0), &works).await;
            for threshold in [1, 2, 3, 10, u32::MAX] {
                assert_eq!(outcome(&jars(threshold), &works).await, expected, "{threshold}");
            }
            let folder = tempfile::tempdir().unwrap();
            assert_eq!(outcome(&jars_in(&sqlite(&folder), 2), &works).await, expected);
        });
    }
}
