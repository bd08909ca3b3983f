//! A table of people that another one takes the place of.

use std::sync::Arc;

use protean_port::message::{Lane, Table, Value};
use protean_port::port::{
    Changes, GroupRegistration, RowQuery, RowWrite, Start, Store, TableSwap, generation,
};

use super::{account, commit, is_committed, people, person};

pub(crate) const GROUP: &str = "bank.People";

/// The swap to the generation after the one that the database has.
pub(crate) async fn next_swap(store: &dyn Store) -> TableSwap {
    let ids = store.group_ids().await.unwrap();
    let id = ids.id(GROUP);
    TableSwap::to_generation(people(), generation(id) + 1, &[(GROUP, id)])
}

/// A person in a table, with the email that is the key.
pub(crate) fn in_table(table: &Table, key: &str) -> Changes {
    let write = person(key, Value::text(key), Value::Null);
    let rows = vec![RowWrite { table: Arc::new(table.clone()), ..write }];
    Changes { rows, ..Changes::new(Lane::Backfill) }
}

/// Fills a successor with one row.
pub(crate) async fn fill(store: &dyn Store, key: &str) -> TableSwap {
    let swap = next_swap(store).await;
    let category = account("a").category().clone();
    let group = GroupRegistration::new(&swap.groups[0].after, category, Start::Beginning);
    store.prepare(&[swap.successor()], &[group]).await.unwrap();
    assert!(is_committed(&commit(store, vec![in_table(&swap.successor(), key)]).await[0]));
    swap
}

pub(crate) async fn rebuild(store: &dyn Store, key: &str) {
    let swap = fill(store, key).await;
    for _ in 0..2 {
        store.equip(&swap).await.unwrap();
    }
    store.swap(&swap).await.unwrap();
    while store.clear(&swap).await.unwrap() {}
    store.prepare(&[people()], &[]).await.unwrap();
}

pub(crate) async fn keys(store: &dyn Store) -> Vec<Value> {
    let rows = store.query(&people(), &RowQuery::default()).await.unwrap();
    rows.into_iter().filter_map(|state| Some(state.row?[0].clone())).collect()
}

/// A rebuild under a new version, which has renamed a column: an older one does not add it again.
pub(crate) async fn an_older_version_is_refused_after_the_swap(store: &dyn Store) {
    let mut renamed = people();
    renamed.columns[1].name = "mail".into();
    renamed.columns[1].renamed_from = vec!["email".into()];
    let ids = store.group_ids().await.unwrap();
    let swap = TableSwap::to_generation(renamed.clone(), 2, &[(GROUP, ids.id(GROUP))]);
    store.prepare(&[swap.successor()], &[]).await.unwrap();
    store.swap(&swap).await.unwrap();
    let refused = store.prepare(&[people()], &[]).await.unwrap_err().to_string();
    assert!(refused.contains("'mail'"), "{refused}");
    while store.clear(&swap).await.unwrap() {}
    store.prepare(&[renamed], &[]).await.unwrap();
}
