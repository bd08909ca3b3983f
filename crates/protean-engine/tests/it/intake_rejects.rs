//! Rows of the intake that are rejected, and those that repeat a command.

use protean::port::{Append, Changes, Expect, Find, IntakeEntry};
use protean::prelude::*;
use protean::{DomainBuilder, Intake};

use crate::harness::{Harness, On};
use crate::intake::{
    Burn, Enter, Ledger, add, closed, lines, logged, office, reasons, row, settle,
};

crate::on_every_stack! {
    what_cannot_be_taken_is_rejected_with_the_reason
    a_key_or_an_id_that_comes_again_is_taken_once
    an_id_from_before_a_deployment_is_taken_once
}

async fn what_cannot_be_taken_is_rejected_with_the_reason(on: On) {
    let harness = Harness::new(on);
    let office = office(harness.settings());
    let typed = |name: &str| IntakeEntry { type_name: name.into(), ..row("a", 1) };
    let data = |data: &str| IntakeEntry { data: data.into(), ..row("a", 1) };
    let priority = |priority| IntakeEntry { priority, ..row("a", 1) };
    let with_metadata = |json: &str| IntakeEntry { metadata: Some(json.into()), ..row("a", 1) };
    let bad = [
        (typed("Enters"), "not a command of this domain; did you mean 'Enter'?"),
        (typed("Burn"), "add `.register(Intake::takes::<Burn>())`"),
        (typed("Shop.Enter.v1"), "belongs to the domain 'Shop'"),
        (typed("Enter.v3"), "version 3"),
        (typed("Enter.v0"), "no version 0"),
        (data("{\"ledger\": \"a\""), "does not fit its type: EOF"),
        (data("{\"ledger\": \"a\"}"), "missing field `line`"),
        (data("{\"ledger\": \"a\", \"line\": \"1\", \"ink\": 2}"), "unknown field 'ink'"),
        (data("{\"ledger\": \"a\", \"line\": \"\"}"), "line"),
        (priority(1), "above intake.max_priority = 0"),
        (priority(i64::MIN), "below"),
        (IntakeEntry { id: "7".into(), ..row("a", 1) }, "the id '7' is not a UUID"),
        (IntakeEntry { key: Some("n/a".into()), ..row("a", 1) }, "idempotency_key"),
        (with_metadata("{}}"), "the metadata must be a JSON object whose values are strings"),
        (
            with_metadata(r#"{"tenant": 7}"#),
            "the metadata must be a JSON object whose values are strings",
        ),
        (with_metadata(r#"{"protean.x": "7"}"#), "metadata"),
    ];
    Intake::of(&office).add([row("a", "first")]).await.unwrap();
    Intake::of(&office).add(bad.iter().map(|(row, _)| row.clone())).await.unwrap();
    Intake::of(&office).add([row("a", "last")]).await.unwrap();
    settle(&office).await;
    assert_eq!(logged(&office, "a").await, ["first", "last"]);
    let rejects = Intake::of(&office).rejects(0, 99).await.unwrap();
    assert_eq!(rejects.len(), bad.len());
    for (reject, (row, reason)) in rejects.iter().zip(&bad) {
        assert_eq!(&reject.entry, row);
        assert!(reject.reason.contains(reason), "{reason}: {}", reject.reason);
    }
    // A repaired row is taken; any other is rejected again.
    let repaired = closed("office", harness.settings())
        .register(Intake::takes::<Enter>())
        .register(Intake::takes::<Burn>());
    let repaired = if matches!(on, On::Memory) { None } else { Some(repaired.build().unwrap()) };
    let Some(office) = repaired else { return };
    let place = rejects[0].place;
    assert_eq!(Intake::of(&office).retry(&[place]).await.unwrap(), [0; 0]);
    assert_eq!(Intake::of(&office).retry(&[place]).await.unwrap(), [place]);
    let dropped = Intake::of(&office).drop_rejects(&[rejects[2].place, place]).await;
    assert_eq!(dropped.unwrap(), [place]);
    let burn = IntakeEntry { data: r#"{"ledger": "a"}"#.into(), ..typed("Burn") };
    add(&office, burn).await;
    settle(&office).await;
    assert_eq!(lines(&office, "a").await, [""; 0]);
    let left = Intake::of(&office).rejects(0, 99).await.unwrap();
    assert_eq!(left.len(), bad.len() - 1);
    assert!(left.iter().any(|reject| reject.reason.contains("did you mean 'Enter'?")));
}

async fn a_key_or_an_id_that_comes_again_is_taken_once(on: On) {
    let harness = Harness::new(on);
    let office = office(harness.settings());
    let keyed = |line: &str| IntakeEntry { key: Some("order-7".into()), ..row("a", line) };
    let same = row("a", "2");
    let rows = [keyed("1"), keyed("1"), same.clone(), same.clone(), row("a", "3"), keyed("5")];
    Intake::of(&office).add(rows).await.unwrap();
    settle(&office).await;
    assert_eq!(logged(&office, "a").await, ["1", "2", "3"]);
    add(&office, same.clone()).await;
    add(&office, keyed("1")).await;
    add(&office, IntakeEntry { data: row("a", "4").data, ..same.clone() }).await;
    add(&office, keyed("6")).await;
    settle(&office).await;
    assert_eq!(logged(&office, "a").await, ["1", "2", "3"]);
    let reasons = reasons(&office).await;
    let expected = [
        "was \"1\" in the first",
        "was \"2\" in the command with the id",
        "was \"1\" in the first",
    ];
    assert_eq!(reasons.len(), expected.len(), "{reasons:?}");
    for (reason, expected) in reasons.iter().zip(expected) {
        assert!(reason.contains(expected), "{reason}");
    }
    // A program that links the domain shares the idempotency keys.
    let again = Enter { ledger: "a".into(), line: "1".into() };
    office.process(again).idempotency_key("order-7").asynchronous().await.unwrap();
    settle(&office).await;
    assert_eq!(logged(&office, "a").await, ["1", "2", "3"]);
}

async fn an_id_from_before_a_deployment_is_taken_once(on: On) {
    let harness = Harness::new(on);
    let office = office(harness.settings());
    add(&office, row("a", 1)).await;
    settle(&office).await;
    // The program of before wrote version 1.
    let store = office.store().await.unwrap();
    let mut message = store.find(Find::first(1)).await.unwrap().pop().unwrap().message;
    let again = row("a", 2);
    (message.id, message.correlation_id) = (again.id.clone(), again.id.clone());
    (message.type_name, message.version) = ("Office.Enter.v1".into(), 1);
    message.data = r#"{"ledger": "a", "text": "2"}"#.into();
    let mut changes = Changes::new(protean::message::Lane::Primary);
    changes.appends.push(Append { message, expect: Expect::End });
    store.commit([changes].into()).await;
    let burn = IntakeEntry {
        type_name: "Burn".into(),
        data: r#"{"ledger": "a"}"#.into(),
        ..again.clone()
    };
    let builder = closed("office", harness.settings()).register(Intake::takes::<Enter>());
    let office = match on {
        On::Memory => office,
        _ => builder.register(Intake::takes::<Burn>()).build().unwrap(),
    };
    Intake::of(&office).add([again, burn]).await.unwrap();
    settle(&office).await;
    assert_eq!(lines(&office, "a").await, ["1", "2"]);
    let reasons = reasons(&office).await;
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    if on != On::Memory {
        assert!(reasons[0].contains("is Burn, was Enter"), "{reasons:?}");
    }
}

#[test]
fn an_intake_of_a_command_without_a_handler_is_refused() {
    let fault = |builder: DomainBuilder| builder.build().err().unwrap().to_string();
    let stranger = fault(protean::domain("office").register(Intake::takes::<Enter>()));
    assert!(stranger.contains("add `.aggregate::<Ledger>()`"), "{stranger}");
    let idle =
        fault(protean::domain("office").aggregate::<Ledger>().register(Intake::takes::<Enter>()));
    assert!(idle.contains("the intake takes Enter, which has no handler"), "{idle}");
}

crate::on! { Sqlite in own_sqlite: {
    a_row_that_cannot_leave_the_table_does_not_count
} }

async fn a_row_that_cannot_leave_the_table_does_not_count(on: On) {
    let harness = Harness::new(on);
    let office = office(harness.settings());
    let bad = IntakeEntry { type_name: "Enters".into(), ..row("a", 2) };
    Intake::of(&office).add([row("a", 1), bad]).await.unwrap();
    harness.run_sql(
        "CREATE TRIGGER stuck BEFORE DELETE ON protean_intake BEGIN SELECT RAISE(IGNORE); END",
    );
    assert_eq!(Intake::of(&office).take(Priority::ALL, 9).await.unwrap(), 0);
    assert_eq!(reasons(&office).await, [""; 0]);
    harness.run_sql("DROP TRIGGER stuck");
    assert_eq!(Intake::of(&office).take(Priority::ALL, 9).await.unwrap(), 2);
    assert_eq!(reasons(&office).await.len(), 1);
}
