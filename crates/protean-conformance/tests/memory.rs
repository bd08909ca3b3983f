//! The memory store under the contract, and what only it says.

use std::sync::Arc;

use protean_conformance::store::{Subject, sample, show};
use protean_port::memory::{MemoryProvider, MemoryStore};
use protean_port::message::Priority;
use protean_port::port::{Location, Outcome, Provider, Statement, Store};

async fn fresh() -> Subject {
    Subject::new(Arc::new(MemoryStore::new()))
}

protean_conformance::store_suite!(fresh);

#[test]
fn statements_are_rejected_whole() {
    show(fresh, async |store: Arc<dyn Store>| {
        let statement = Statement { sql: "SELECT 1".to_owned(), parameters: Vec::new() };
        let append = sample::unit().append(&sample::account("a"), Priority::NORMAL);
        let draft = append.with(|unit| unit.statements.push(statement));
        let outcome = sample::commit_one(&*store, draft).await;
        let Outcome::Rejected(violations) = outcome else { panic!("{outcome:?}") };
        assert_eq!(violations.get("statement").len(), 1);
        assert_eq!(store.stream(&sample::account("a"), 0, 9).await?, []);
        Ok(())
    });
}

#[test]
fn a_provider_opens_an_empty_store_each_time() {
    show(fresh, async |_| {
        let (provider, location) = (MemoryProvider, Location::default());
        assert_eq!((provider.name(), provider.fault(&location)), ("memory", None));
        let first = provider.open(&location).await?;
        sample::recorded(&*first, &sample::account("a"), Priority::NORMAL).await;
        let second = provider.open(&location).await?;
        assert_eq!(second.stream(&sample::account("a"), 0, 9).await?, []);
        Ok(())
    });
}

#[test]
fn every_fact_is_in_the_suite() {
    let suite = include_str!("../src/store/mod.rs");
    let ports = [
        include_str!("../src/store/commit.rs"),
        include_str!("../src/store/dead_letters.rs"),
        include_str!("../src/store/find.rs"),
        include_str!("../src/store/keys.rs"),
        include_str!("../src/store/intake.rs"),
        include_str!("../src/store/lanes.rs"),
        include_str!("../src/store/ledger.rs"),
        include_str!("../src/store/log.rs"),
        include_str!("../src/store/marks.rs"),
        include_str!("../src/store/names.rs"),
        include_str!("../src/store/outcomes.rs"),
        include_str!("../src/store/own_sql.rs"),
        include_str!("../src/store/parking.rs"),
        include_str!("../src/store/prepare.rs"),
        include_str!("../src/store/queries.rs"),
        include_str!("../src/store/rebuilds.rs"),
        include_str!("../src/store/rows.rs"),
        include_str!("../src/store/schedules.rs"),
    ];
    let facts = ports.iter().flat_map(|port| port.split("\npub async fn ").skip(1));
    for fact in facts.filter_map(|text| text.split('(').next()) {
        assert!(suite.contains(&format!("    {fact},\n")), "{fact} is not in store_suite!");
    }
}
