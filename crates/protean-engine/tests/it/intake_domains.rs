//! Domains that share the intake of a database.

use protean::port::IntakeEntry;
use std::panic::AssertUnwindSafe;

use protean::prelude::*;
use protean::{DomainBuilder, Intake};

use crate::harness::{Harness, On};
use crate::intake::{add, lines, logged, office, reasons, row, serve_until, settle};

crate::on! { Sqlite in sqlite, Production in production: {
    two_domains_share_the_table
    a_domain_may_have_the_name_of_a_command
    rows_of_one_domain_do_not_wait_for_those_of_another
    a_place_is_above_zero
} }

fn branch(name: &str, config: &str) -> Domain {
    let branch: DomainBuilder = protean::domain(name).config(config);
    let branch = branch.register(crate::tallies::TallyCommandHandler);
    let branch = branch.aggregate::<crate::tallies::Tally>();
    branch.register(Intake::takes::<crate::tallies::Add>()).build().unwrap()
}

fn tally(type_name: &str, priority: i64) -> IntakeEntry {
    let data = r#"{"tally": "t", "number": 7}"#.into();
    IntakeEntry { type_name: type_name.into(), data, priority, ..row("a", 1) }
}

async fn two_domains_share_the_table(on: On) {
    let harness = Harness::new(on);
    let office = office(harness.settings());
    let branch = branch("branch", harness.settings());
    branch.store().await.unwrap();
    let tally = tally("Branch.Add", 0);
    let mine = IntakeEntry { type_name: "Office.Enter".into(), ..row("a", 1) };
    Intake::of(&office).add([tally.clone(), mine, tally]).await.unwrap();
    serve_until(&office, async || !lines(&office, "a").await.is_empty()).await;
    assert_eq!(Intake::of(&office).waiting(0, 9).await.unwrap().len(), 2);
    settle(&branch).await;
    assert_eq!(reasons(&office).await, [""; 0]);
}

async fn a_domain_may_have_the_name_of_a_command(on: On) {
    let harness = Harness::new(on);
    let office = office(harness.settings());
    let enter = branch("enter", harness.settings());
    enter.store().await.unwrap();
    let data = r#"{"ledger": "a", "text": "1"}"#.into();
    add(&office, IntakeEntry { type_name: "Enter.v1".into(), data, ..row("a", 1) }).await;
    add(&office, tally("Enter.Add", 0)).await;
    serve_until(&office, async || !lines(&office, "a").await.is_empty()).await;
    let left = Intake::of(&office).waiting(0, 9).await.unwrap();
    assert_eq!((left.len(), &*left[0].entry.type_name), (1, "Enter.Add"));
    settle(&enter).await;
    assert_eq!(reasons(&office).await, [""; 0]);
}

/// Those of one transaction keep their order, but another domain may not run.
async fn rows_of_one_domain_do_not_wait_for_those_of_another(on: On) {
    let harness = Harness::new(on);
    let office = office(harness.settings());
    branch("branch", harness.settings()).store().await.unwrap();
    let mine = |line: &str, priority| IntakeEntry { priority, ..row("a", line) };
    let rows = [
        tally("Branch.Add", -100),
        mine("1", 0),
        tally("Branch.Add", 0),
        mine("2", -100),
        mine("3", -100),
    ];
    Intake::of(&office).add(rows).await.unwrap();
    serve_until(&office, async || lines(&office, "a").await.len() == 3).await;
    assert_eq!(logged(&office, "a").await, ["1", "2", "3"]);
    assert_eq!(Intake::of(&office).waiting(0, 9).await.unwrap().len(), 2);
}

async fn a_place_is_above_zero(on: On) {
    let harness = Harness::new(on);
    let office = office(harness.settings());
    office.store().await.unwrap();
    let overriding = if on == On::Sqlite { "" } else { "OVERRIDING SYSTEM VALUE" };
    let sql = format!(
        "INSERT INTO protean_intake (place, type, data) {overriding} VALUES (-1, 'Enter', '{{}}')"
    );
    let inserted = std::panic::catch_unwind(AssertUnwindSafe(|| harness.run_sql(&sql)));
    assert!(inserted.is_err());
}
