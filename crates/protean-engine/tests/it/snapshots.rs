//! Snapshots among units that commit together.

use protean::message::Priority;
use protean::port::Counter;

use crate::harness::{Harness, On};
use crate::on_every_stack;
use crate::tallies::Tally;

on_every_stack! {
    commands_of_one_stream_see_the_snapshots_of_those_before
}

async fn commands_of_one_stream_see_the_snapshots_of_those_before(on: On) {
    let harness = Harness::new(on);
    for number in 1..=100 {
        let priority = if number % 3 == 0 { Priority::BULK } else { Priority::NORMAL };
        harness.add("t", number, priority).await;
    }
    harness.drain().await;
    let commands = harness.group_status("harness.TallyCommands").await;
    assert_eq!((commands.count(Counter::Handled), commands.dead()), (100, 0));
    let tallies = harness.domain.repository::<Tally>().await.unwrap();
    assert_eq!(tallies.get(&"t".into()).await.unwrap().sum, 5050);
    let mut sum = 0;
    for version in 0..100 {
        let before = sum;
        sum = tallies.at_version(&"t".into(), version).await.unwrap().sum;
        assert!(sum > before, "{version}");
    }
    harness.assert_closes().await;
}
