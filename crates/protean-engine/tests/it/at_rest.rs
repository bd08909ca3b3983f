//! A domain is at rest when nothing moves any more without a person.

use protean::Priority;
use protean_engine::{is_at_rest, verify};

use crate::harness::{Harness, On};
use crate::on_every_stack;
use crate::tallies::Fault;

on_every_stack! {
    a_domain_is_not_at_rest_while_a_message_waits_for_its_next_attempt
    a_domain_is_at_rest_with_messages_behind_a_dead_letter
}

async fn is_in_motion(harness: &Harness) -> bool {
    let report = verify(&harness.domain).await.unwrap();
    assert!(report.closes, "{report:?}");
    assert_eq!(is_at_rest(&harness.domain).await.unwrap(), report.at_rest, "{report:?}");
    !report.at_rest
}

async fn a_domain_is_not_at_rest_while_a_message_waits_for_its_next_attempt(on: On) {
    let in_an_hour =
        |base: String| base.replace("retry_delay_seconds = 0.02\n", "retry_delay_seconds = 3600\n");
    let harness = Harness::rewritten(on, in_an_hour, |builder| builder);
    assert!(!is_in_motion(&harness).await);
    harness.faults.plan(1, Fault::Fail(1));
    harness.add("one", 1, Priority::NORMAL).await;
    assert!(is_in_motion(&harness).await, "its event is on the way");
    harness.drain_but(1).await;
    assert!(is_in_motion(&harness).await, "it is tried again in an hour");
}

async fn a_domain_is_at_rest_with_messages_behind_a_dead_letter(on: On) {
    let harness = Harness::new(on);
    harness.faults.plan(0, Fault::Reject);
    for number in 0..3 {
        harness.add("one", number, Priority::NORMAL).await;
    }
    harness.drain_but(2).await;
    assert_eq!(harness.numbers().await.dead(), 1);
    assert!(!is_in_motion(&harness).await);
}
