//! Facts of a table that takes the place of another, with the groups that fill it.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{Category, Priority, Table, Value};
use protean_port::port::{
    At, Counter, Dead, DoneMark, GroupRegistration, GroupStatus, MessageRef, Naming, Outcome,
    RowQuery, RowState, Start, Store, TableSwap,
};

use super::sample::{
    Draft, OTHER, READER, account, accounts, assert_stale, at, bulk, column, commit_one, keep,
    places, recorded, registration, take, thing, things, unit,
};

const NORMAL: Priority = Priority::NORMAL;
/// The id of the reader in the second generation.
const SECOND: &str = "reader#2";
/// The versions of rows in the second generation begin here.
const BASE: u64 = 2 << 40;

/// The swap that brings the things of the reader to their second generation.
fn swap() -> TableSwap {
    TableSwap::to_generation(things(), 2, &[(READER, READER)])
}

/// Makes the successor of a swap, and registers the groups that fill it.
async fn begin(store: &dyn Store, swap: &TableSwap) -> Result {
    let groups: Vec<_> =
        swap.groups.iter().map(|group| registration(&group.after, Start::Beginning)).collect();
    store.prepare(&[swap.successor()], &groups).await
}

/// The same unit for the rows of this table, with versions from the base on.
fn in_table(draft: Draft, table: &Table) -> Draft {
    draft.with(|changes| {
        for write in &mut changes.rows {
            write.table = Arc::new(table.clone());
            write.version += BASE;
            write.expected = write.expected.map(|expected| expected + BASE);
        }
    })
}

/// Writes a row that only the table has, and one that only the successor has.
async fn fill(store: &dyn Store, swap: &TableSwap) -> Result {
    begin(store, swap).await?;
    places(&commit_one(store, unit().put(None, thing("old", []))).await);
    let new = thing("new", [(column::EMAIL, Value::text("e"))]);
    places(&commit_one(store, in_table(bulk().put(None, new), &swap.successor())).await);
    Ok(())
}

async fn clear(store: &dyn Store, swap: &TableSwap) -> Result {
    while store.clear(swap).await? {}
    Ok(())
}

async fn abandon(store: &dyn Store, swap: &TableSwap) -> Result {
    while store.abandon(swap).await? {}
    Ok(())
}

async fn keys(store: &dyn Store, table: &Table) -> Result<Vec<Value>> {
    let rows = store.query(table, &RowQuery::default()).await?;
    Ok(rows.into_iter().filter_map(|state| Some(state.row?[column::ID].clone())).collect())
}

async fn status(store: &dyn Store, group: &str) -> Result<GroupStatus> {
    store.group_status(group, &accounts()).await
}

async fn written<const N: usize>(store: &dyn Store) -> [MessageRef; N] {
    let mut messages = Vec::new();
    for _ in 0..N {
        messages.push(MessageRef::from(&recorded(store, &account("a"), NORMAL).await));
    }
    messages.try_into().unwrap_or_else(|_| panic!("there are as many as written"))
}

pub async fn the_successor_takes_the_place_of_the_table(store: Arc<dyn Store>) -> Result {
    let swap = swap();
    fill(&*store, &swap).await?;
    assert_eq!(store.dependents("things").await?, [] as [String; 0]);
    store.equip(&swap).await?;
    store.equip(&swap).await?;
    assert_eq!(keys(&*store, &things()).await?, [Value::text("old")]);
    store.swap(&swap).await?;
    assert_eq!(keys(&*store, &things()).await?, [Value::text("new")]);
    assert_eq!(store.row(&things(), "new").await?.version, Some(BASE));
    assert_eq!(store.row(&things(), "old").await?, RowState::default());
    let ids = store.group_ids().await?;
    assert_eq!((ids.id(READER), ids.id(OTHER)), (SECOND, OTHER));
    clear(&*store, &swap).await?;
    store.prepare(&[things()], &[registration(SECOND, Start::Beginning)]).await?;
    assert_eq!(keys(&*store, &things()).await?, [Value::text("new")]);
    let taken = thing("other", [(column::EMAIL, Value::text("e"))]);
    let taken = commit_one(&*store, unit().put(None, taken)).await;
    assert!(matches!(taken, Outcome::Rejected(_)), "unique values stay unique: {taken:?}");
    Ok(())
}

pub async fn a_table_is_replaced_again_and_again(store: Arc<dyn Store>) -> Result {
    for number in 2..5 {
        let ids = store.group_ids().await?;
        let swap = TableSwap::to_generation(things(), number, &[(READER, ids.id(READER))]);
        begin(&*store, &swap).await?;
        let row = thing("t", [(column::SIZE, Value::Integer(number.cast_signed()))]);
        let put = in_table(bulk().put(None, row.clone()), &swap.successor());
        places(&commit_one(&*store, put).await);
        store.equip(&swap).await?;
        store.swap(&swap).await?;
        assert_eq!(store.row(&things(), "t").await?.row, Some(row));
        clear(&*store, &swap).await?;
        store.prepare(&[things()], &[]).await?;
        let email = |id| unit().put(None, thing(id, [(column::EMAIL, Value::text("e"))]));
        places(&commit_one(&*store, email("u")).await);
        let taken = commit_one(&*store, email("v")).await;
        assert!(matches!(taken, Outcome::Rejected(_)), "{taken:?}");
    }
    assert_eq!(store.group_ids().await?.id(READER), "reader#4");
    Ok(())
}

pub async fn a_table_that_is_new_takes_the_place_of_none(store: Arc<dyn Store>) -> Result {
    let novelties = Table { name: "novelties".to_owned(), ..things() };
    let swap = TableSwap::to_generation(novelties.clone(), 2, &[(READER, READER)]);
    begin(&*store, &swap).await?;
    let new = in_table(bulk().put(None, thing("new", [])), &swap.successor());
    places(&commit_one(&*store, new).await);
    store.equip(&swap).await?;
    store.swap(&swap).await?;
    clear(&*store, &swap).await?;
    store.prepare(std::slice::from_ref(&novelties), &[]).await?;
    assert_eq!(keys(&*store, &novelties).await?, [Value::text("new")]);
    Ok(())
}

pub async fn what_is_under_way_for_a_former_group_is_left_out(store: Arc<dyn Store>) -> Result {
    let swap = swap();
    let [parked, dead, open] = written(&*store).await;
    let before = unit().mark(READER, NORMAL, At::UpTo(2)).park(keep(READER, &parked, 1, None));
    places(&commit_one(&*store, before.add_dead(READER, dead.clone())).await);
    fill(&*store, &swap).await?;
    store.swap(&swap).await?;
    let put = |id: &str| unit().put(None, thing(id, []));
    let replayed = Dead::Take { group: READER.into(), message: dead };
    for (what, left_out) in [
        ("new", put("a").mark(READER, NORMAL, At::First(open.position))),
        ("ordered", put("b").step(READER, &account("a"), 0)),
        ("parked", put("c").park(take(READER, &parked))),
        ("dead", put("d").with(|changes| changes.dead.push(replayed))),
        ("counted", put("e").count(READER, Counter::Handled, 1).mark(READER, NORMAL, At::First(3))),
    ] {
        let outcome = commit_one(&*store, left_out).await;
        assert!(matches!(outcome, Outcome::Stale(_)), "{what}: {outcome:?}");
    }
    assert_eq!(keys(&*store, &things()).await?, [Value::text("new")]);
    Ok(())
}

pub async fn a_former_group_settles_nothing_more(store: Arc<dyn Store>) -> Result {
    let swap = swap();
    let [first, ..] = written::<3>(&*store).await;
    let done = unit().mark(READER, NORMAL, At::UpTo(1)).count(READER, Counter::Handled, 1);
    places(&commit_one(&*store, done).await);
    fill(&*store, &swap).await?;
    let filled = bulk().mark(SECOND, NORMAL, At::UpTo(2)).count(SECOND, Counter::Handled, 2);
    places(&commit_one(&*store, filled).await);
    store.swap(&swap).await?;
    let before = status(&*store, SECOND).await?;
    assert_eq!((before.settled(), before.lag()), (2, 1));
    for cleared in [false, true] {
        let late = unit().mark(READER, NORMAL, At::Only(3)).mark(READER, NORMAL, At::UpTo(3));
        places(&commit_one(&*store, late).await);
        recorded(&*store, &account("a"), NORMAL).await;
        let former = status(&*store, READER).await?;
        assert_eq!((former.committed, former.settled(), former.lag()), (0, 0, 0));
        assert!(former.closes());
        assert_eq!(store.lane(super::sample::lane_read(READER)).await?, []);
        assert_eq!(store.recall(READER, &accounts(), &[first.position, 3]).await?, []);
        if !cleared {
            clear(&*store, &swap).await?;
        }
    }
    let after = status(&*store, SECOND).await?;
    assert_eq!((after.settled(), after.lag()), (2, 3), "it is as it was, but for what is new");
    assert!(after.closes());
    Ok(())
}

pub async fn a_former_group_that_is_registered_late_settles_nothing(
    store: Arc<dyn Store>,
) -> Result {
    let swap = swap();
    fill(&*store, &swap).await?;
    store.swap(&swap).await?;
    // By a process that has not noticed the swap, for a category that is new to the group.
    let other = Category::named("bank::other");
    let late = GroupRegistration::new(READER, other.clone(), Start::Beginning);
    store.prepare(&[], &[late]).await?;
    let message = recorded(&*store, &other.stream(&"a".into()), NORMAL).await;
    let mark = DoneMark::of(&READER.into(), &message.message, At::First(message.position));
    let outcome = commit_one(&*store, unit().with(|changes| changes.marks.push(mark))).await;
    assert!(matches!(outcome, Outcome::Stale(_)), "{outcome:?}");
    assert!(store.group_status(READER, &other).await?.closes());
    Ok(())
}

pub async fn a_unit_that_rests_on_a_former_row_is_left_out(store: Arc<dyn Store>) -> Result {
    let swap = swap();
    begin(&*store, &swap).await?;
    places(&commit_one(&*store, unit().put(None, thing("t", []))).await);
    places(&commit_one(&*store, unit().put(Some(0), thing("t", []))).await);
    let rebuilt = |draft| in_table(draft, &swap.successor());
    places(&commit_one(&*store, rebuilt(bulk().put(None, thing("t", [])))).await);
    places(&commit_one(&*store, rebuilt(bulk().put(Some(0), thing("t", [])))).await);
    store.swap(&swap).await?;
    for stale in [
        unit().put(Some(1), thing("t", [])),
        unit().put(None, thing("t", [])),
        unit().remove("t", 1),
    ] {
        assert_stale(&commit_one(&*store, stale).await);
    }
    places(&commit_one(&*store, in_table(unit().remove("t", 1), &things())).await);
    Ok(())
}

pub async fn removed_rows_keep_their_versions(store: Arc<dyn Store>) -> Result {
    let swap = swap();
    begin(&*store, &swap).await?;
    for (key, in_former, in_successor) in
        [("both", true, true), ("former", true, false), ("successor", false, true)]
    {
        for (is_there, table) in [(in_former, things()), (in_successor, swap.successor())] {
            let of = |draft: Draft| match table.name == things().name {
                true => draft,
                false => in_table(draft, &table),
            };
            if is_there {
                places(&commit_one(&*store, of(unit().put(None, thing(key, [])))).await);
                places(&commit_one(&*store, of(unit().remove(key, 0))).await);
            }
        }
    }
    let version =
        async |key| Ok::<_, protean_port::Error>(store.row(&things(), key).await?.version);
    store.swap(&swap).await?;
    for _ in 0..2 {
        assert_eq!(version("both").await?, Some(BASE + 1));
        assert_eq!(version("former").await?, None);
        assert_eq!(version("successor").await?, Some(BASE + 1));
        clear(&*store, &swap).await?;
    }
    Ok(())
}

pub async fn rejects_a_swap_with_parked_or_dead_messages(store: Arc<dyn Store>) -> Result {
    let swap = swap();
    fill(&*store, &swap).await?;
    let [message] = written(&*store).await;
    let park = unit().park(keep(SECOND, &message, 1, Some(at(1))));
    for held in [park, unit().add_dead(SECOND, message.clone())] {
        places(&commit_one(&*store, held).await);
        let refused = store.swap(&swap).await;
        assert!(refused.is_err_and(|error| error.to_string().contains(READER)));
        assert_eq!(keys(&*store, &things()).await?, [Value::text("old")]);
        assert!(store.group_ids().await?.is_empty());
    }
    let replayed = Dead::Take { group: SECOND.into(), message };
    places(&commit_one(&*store, unit().with(|changes| changes.dead.push(replayed))).await);
    store.swap(&swap).await
}

pub async fn rejects_a_swap_of_groups_with_other_ids(store: Arc<dyn Store>) -> Result {
    let swap = swap();
    fill(&*store, &swap).await?;
    store.rename_group(READER, "renamed").await?;
    assert!(store.swap(&swap).await.is_err_and(|error| error.is_conflict()), "it was renamed");
    assert_eq!(keys(&*store, &things()).await?, [Value::text("old")]);
    let renamed = TableSwap::to_generation(things(), 2, &[("renamed", READER)]);
    store.swap(&renamed).await?;
    assert!(store.swap(&renamed).await.is_err_and(|error| error.is_conflict()), "it was done");
    assert_eq!(keys(&*store, &things()).await?, [Value::text("new")]);
    let ids = store.group_ids().await?;
    assert_eq!((ids.id("renamed"), ids.renamed_to(READER)), (SECOND, Some("renamed")));
    Ok(())
}

pub async fn a_group_is_renamed_after_its_table_was_replaced(store: Arc<dyn Store>) -> Result {
    let swap = swap();
    fill(&*store, &swap).await?;
    store.swap(&swap).await?;
    clear(&*store, &swap).await?;
    store.rename_group(READER, "renamed").await?;
    let ids = store.group_ids().await?;
    assert_eq!((ids.id("renamed"), ids.name(SECOND)), (SECOND, Some("renamed")));
    let third = TableSwap::to_generation(things(), 3, &[("renamed", SECOND)]);
    begin(&*store, &third).await?;
    store.swap(&third).await?;
    assert_eq!(store.group_ids().await?.id("renamed"), "reader#3");
    Ok(())
}

pub async fn several_groups_of_a_table_go_along(store: Arc<dyn Store>) -> Result {
    let swap = TableSwap::to_generation(things(), 2, &[(READER, READER), (OTHER, OTHER)]);
    fill(&*store, &swap).await?;
    let [message] = written(&*store).await;
    places(&commit_one(&*store, unit().add_dead("other#2", message.clone())).await);
    assert!(store.swap(&swap).await.is_err_and(|error| error.to_string().contains(OTHER)));
    assert!(store.group_ids().await?.is_empty(), "none without the other");
    let replayed = Dead::Take { group: "other#2".into(), message };
    places(&commit_one(&*store, unit().with(|changes| changes.dead.push(replayed))).await);
    store.swap(&swap).await?;
    let mut ids = protean_port::port::GroupIds::default();
    ids.insert(READER, Naming::Id(SECOND.into()));
    ids.insert(OTHER, Naming::Id("other#2".into()));
    assert_eq!(store.group_ids().await?, ids);
    for former in [READER, OTHER] {
        assert_stale(&commit_one(&*store, unit().mark(former, NORMAL, At::First(1))).await);
    }
    Ok(())
}

pub async fn nothing_is_left_of_what_was_cleared(store: Arc<dyn Store>) -> Result {
    let swap = swap();
    let messages: [_; 3] = written(&*store).await;
    fill(&*store, &swap).await?;
    places(&commit_one(&*store, unit().remove("old", 0)).await);
    let done = unit().step(READER, &account("a"), 0).park(keep(READER, &messages[1], 1, None));
    places(&commit_one(&*store, done.mark(READER, NORMAL, At::Only(2))).await);
    store.swap(&swap).await?;
    for _ in 0..2 {
        clear(&*store, &swap).await?;
        assert_eq!(store.next(READER, &account("a")).await?, 3, "no progress is left");
        assert!(!store.blocked(READER, &account("a"), 9).await?);
    }
    let former = Table { name: swap.former.clone(), ..things() };
    store.prepare(std::slice::from_ref(&former), &[]).await?;
    assert_eq!(keys(&*store, &former).await?, [] as [Value; 0]);
    assert_eq!(store.row(&former, "old").await?, RowState::default());
    assert_eq!(keys(&*store, &things()).await?, [Value::text("new")]);
    Ok(())
}

pub async fn nothing_is_left_of_what_was_given_up(store: Arc<dyn Store>) -> Result {
    let swap = swap();
    let [first] = written(&*store).await;
    fill(&*store, &swap).await?;
    let done = in_table(bulk().remove("new", 0), &swap.successor());
    let done = done.step(SECOND, &account("a"), 0).park(keep(SECOND, &first, 1, None));
    let done = done.mark(SECOND, NORMAL, At::UpTo(1)).count(SECOND, Counter::Handled, 1);
    places(&commit_one(&*store, done.add_dead(SECOND, first)).await);
    for _ in 0..2 {
        abandon(&*store, &swap).await?;
        let found = status(&*store, SECOND).await?;
        assert_eq!((found.lag(), found.parked(), found.dead(), found.settled()), (1, 0, 0, 0));
        assert_eq!(store.next(SECOND, &account("a")).await?, 0);
        let registered = store.registered_groups().await?;
        assert!(registered.iter().all(|known| known.group != SECOND), "{registered:?}");
    }
    begin(&*store, &swap).await?;
    assert_eq!(keys(&*store, &swap.successor()).await?, [] as [Value; 0]);
    assert_eq!(store.row(&swap.successor(), "new").await?, RowState::default());
    assert_eq!(keys(&*store, &things()).await?, [Value::text("old")]);
    store.swap(&swap).await
}
