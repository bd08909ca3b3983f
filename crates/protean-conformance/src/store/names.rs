//! Facts of the names of groups: what the ledger calls them after a rename.

use std::sync::Arc;

use protean_port::port::{At, Counter, GroupIds, MessageRef, Naming, Start, Store};
use protean_port::{Result, message::Priority};

use super::sample::{
    Draft, OTHER, READER, account, accounts, at, commit_one, keep, places, recorded, registration,
    unit,
};

const NORMAL: Priority = Priority::NORMAL;
const NEW: &str = "renamed";

async fn registered(store: &dyn Store) -> Result<Vec<String>> {
    let registered = store.registered_groups().await?;
    Ok(registered.into_iter().map(|known| known.group).collect())
}

fn ids<const N: usize>(names: [(&str, Naming); N]) -> GroupIds {
    let mut ids = GroupIds::default();
    for (name, naming) in names {
        ids.insert(name, naming);
    }
    ids
}

pub async fn every_group_has_its_name_as_its_id_at_first(store: Arc<dyn Store>) -> Result {
    assert!(store.group_ids().await?.is_empty());
    Ok(())
}

pub async fn a_renamed_group_keeps_its_id_and_its_state(store: Arc<dyn Store>) -> Result {
    let first = MessageRef::from(&recorded(&*store, &account("a"), NORMAL).await);
    let done = unit().step(READER, &account("b"), 0).count(READER, Counter::Handled, 4);
    let done = done.park(keep(READER, &first, 2, Some(at(1))));
    places(&commit_one(&*store, done.mark(READER, NORMAL, At::UpTo(1))).await);
    let before = store.group_status(READER, &accounts()).await?;
    for _ in 0..2 {
        store.rename_group(READER, NEW).await?;
        let renamed =
            ids([(READER, Naming::RenamedTo(NEW.into())), (NEW, Naming::Id(READER.into()))]);
        assert_eq!(store.group_ids().await?, renamed);
    }
    assert_eq!(store.group_status(READER, &accounts()).await?, before);
    assert_eq!(store.next(READER, &account("b")).await?, 1);
    assert_eq!(registered(&*store).await?, [OTHER, READER], "the ledger knows it by its id");
    Ok(())
}

pub async fn a_group_is_renamed_again_and_back(store: Arc<dyn Store>) -> Result {
    store.rename_group(READER, NEW).await?;
    store.rename_group(NEW, "newest").await?;
    let ids = store.group_ids().await?;
    assert_eq!(ids.id("newest"), READER);
    assert_eq!([READER, NEW].map(|name| ids.renamed_to(name)), [Some("newest"); 2]);
    store.rename_group("newest", READER).await?;
    let ids = store.group_ids().await?;
    assert_eq!((ids.id(READER), ids.renamed_to(READER)), (READER, None));
    assert_eq!(["newest", NEW].map(|name| ids.renamed_to(name)), [Some(READER); 2]);
    Ok(())
}

pub async fn rejects_a_name_that_means_another_group(store: Arc<dyn Store>) -> Result {
    store.rename_group(READER, NEW).await?;
    store.rename_group(OTHER, "another").await?;
    let known = store.group_ids().await?;
    for (name, to) in [(READER, "newest"), ("another", NEW), ("another", READER), (NEW, NEW)] {
        let refused = store.rename_group(name, to).await;
        assert!(refused.is_err_and(|error| error.is_misuse()), "{name} to {to}");
    }
    assert_eq!(store.group_ids().await?, known);
    Ok(())
}

/// Does something for a group with a message.
type Work = fn(Draft, &str, &MessageRef) -> Draft;

pub async fn rejects_a_name_under_which_something_was_done(store: Arc<dyn Store>) -> Result {
    let message = MessageRef::from(&recorded(&*store, &account("a"), NORMAL).await);
    let done: [(&str, Work); 5] = [
        ("cursor", |unit, group, _| unit.mark(group, NORMAL, At::UpTo(1))),
        ("done", |unit, group, _| unit.mark(group, NORMAL, At::Only(9))),
        ("progress", |unit, group, _| unit.step(group, &account("a"), 0)),
        ("parked", |unit, group, message| unit.park(keep(group, message, 1, None))),
        ("dead", |unit, group, message| unit.add_dead(group, message.clone())),
    ];
    for (group, change) in done {
        places(&commit_one(&*store, change(unit(), group, &message)).await);
        let refused = store.rename_group(READER, group).await;
        assert!(refused.is_err_and(|error| error.is_misuse()), "{group}");
    }
    assert!(store.group_ids().await?.is_empty());
    Ok(())
}

pub async fn a_name_that_was_only_registered_is_free(store: Arc<dyn Store>) -> Result {
    store.prepare(&[], &[registration(NEW, Start::Head)]).await?;
    store.rename_group(READER, NEW).await?;
    assert_eq!(store.group_ids().await?.id(NEW), READER);
    assert_eq!(registered(&*store).await?, [OTHER, READER]);
    Ok(())
}

pub async fn names_are_gone_with_everything_else(store: Arc<dyn Store>) -> Result {
    store.rename_group(READER, NEW).await?;
    store.destroy(&super::sample::tables()).await?;
    store.prepare(&super::sample::tables(), &super::sample::registrations()).await?;
    assert!(store.group_ids().await?.is_empty());
    Ok(())
}
