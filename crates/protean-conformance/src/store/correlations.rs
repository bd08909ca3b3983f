//! Facts of correlations: which events belong to which process.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{Category, Priority};
use protean_port::port::{Correlation, Correlations, GroupRegistration, Start, Store};

use super::sample::{
    Draft, READER, account, accounts, assert_stale, commit_one, places, registration, unit,
};

const NORMAL: Priority = Priority::NORMAL;

fn manager(event: &str) -> GroupRegistration {
    let fields = vec!["order_id".into(), "order".into()];
    let of = Correlation { category: accounts(), event: event.into(), fields };
    GroupRegistration {
        category: Category::named("conformance::process"),
        correlations: vec![of],
        ..registration("manager", Start::Head)
    }
}

fn expected(registered: &[GroupRegistration]) -> Correlations {
    let mut expected = Correlations::default();
    for GroupRegistration { group, category, correlations, .. } in registered {
        assert!(expected.register(group, category, correlations));
    }
    expected
}

fn correlated(generation: u64) -> Draft {
    let append = unit().append(&account("a"), NORMAL);
    append.with(|changes| changes.correlated = Some(generation))
}

pub async fn there_are_none_without_a_process_manager(store: Arc<dyn Store>) -> Result {
    assert_eq!(store.correlations().await?, Correlations::default());
    places(&commit_one(&*store, correlated(0)).await);
    Ok(())
}

pub async fn what_is_registered_is_kept(store: Arc<dyn Store>) -> Result {
    let (first, second) = (manager("Conformance.Opened"), manager("Conformance.Closed"));
    store.prepare(&[], std::slice::from_ref(&first)).await?;
    assert_eq!(store.correlations().await?, expected(std::slice::from_ref(&first)));
    // An older program has fewer, and takes none away.
    for again in [[second.clone()], [first.clone()], [registration(READER, Start::Head)]] {
        store.prepare(&[], &again).await?;
        assert_eq!(store.correlations().await?, expected(&[first.clone(), second.clone()]));
    }
    Ok(())
}

pub async fn rejects_a_unit_that_was_correlated_otherwise(store: Arc<dyn Store>) -> Result {
    store.prepare(&[], &[manager("Conformance.Opened")]).await?;
    let otherwise = unit().append(&account("b"), NORMAL);
    assert_stale(&commit_one(&*store, correlated(0).or(otherwise)).await);
    assert_eq!(store.stream(&account("a"), 0, 9).await?.len(), 0);
    assert_eq!(store.stream(&account("b"), 0, 9).await?.len(), 1, "in its place");
    assert_stale(&commit_one(&*store, correlated(2)).await);
    places(&commit_one(&*store, correlated(1)).await);
    places(&commit_one(&*store, unit().append(&account("a"), NORMAL)).await);
    assert_eq!(store.stream(&account("a"), 0, 9).await?.len(), 2);
    Ok(())
}

pub async fn a_forgotten_process_manager_takes_no_more(store: Arc<dyn Store>) -> Result {
    store.prepare(&[], &[manager("Conformance.Opened")]).await?;
    store.forget("manager").await?;
    let known = store.correlations().await?;
    assert_eq!((known.generation(), known.to_json().as_str()), (2, "[]"));
    assert_stale(&commit_one(&*store, correlated(1)).await);
    places(&commit_one(&*store, correlated(2)).await);
    Ok(())
}

pub async fn correlations_are_gone_with_everything_else(store: Arc<dyn Store>) -> Result {
    store.prepare(&[], &[manager("Conformance.Opened")]).await?;
    store.destroy(&super::sample::tables()).await?;
    store.prepare(&super::sample::tables(), &super::sample::registrations()).await?;
    assert_eq!(store.correlations().await?, Correlations::default());
    Ok(())
}
