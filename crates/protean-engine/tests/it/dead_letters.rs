//! What is dead can be looked at, replayed and purged.

use protean::message::{Category, Priority, Timestamp};
use protean::port::{Counter, DeadLetter, Find};
use protean::{Operation, Operator};
use protean_engine::DeadLetters;

use crate::harness::{Harness, On, counts};
use crate::on_every_stack;
use crate::tallies::{Add, Fault, Skipping};

on_every_stack! {
    a_letter_keeps_the_exact_bytes_and_the_reason
    a_replayed_message_runs_with_those_behind_it_in_order
    a_replayed_message_has_all_its_tries_again
    a_purged_message_lets_those_behind_it_run
    a_message_that_others_flowed_past_is_replayed_and_purged
    a_command_is_replayed_alone
    many_letters_are_replayed_and_purged_page_by_page
    a_letter_is_replayed_once
    what_an_operator_does_is_recorded_with_it
}

async fn letters(harness: &Harness, group: &str) -> Vec<DeadLetter> {
    let groups = harness.domain.groups();
    let group = groups.iter().find(|known| *known.name == *group).unwrap();
    DeadLetters::of(&harness.domain, group).await.unwrap().page(0, 1000).await.unwrap()
}

/// Does something with the dead letters of a group.
async fn with<T>(
    harness: &Harness,
    group: &str,
    work: impl AsyncFnOnce(DeadLetters<'_>) -> T,
) -> T {
    let groups = harness.domain.groups();
    let group = groups.iter().find(|known| *known.name == *group).unwrap();
    work(DeadLetters::of(&harness.domain, group).await.unwrap()).await
}

const NUMBERS: &str = "harness.NumbersProjector";

/// The events of one tally, 2 of them dead at its handler's hands.
async fn stuck(on: On, fault: Fault) -> Harness {
    let harness = Harness::new(on);
    harness.faults.plan(2, fault);
    for number in 0..6 {
        let priority = if number % 2 == 0 { Priority::BULK } else { Priority::NORMAL };
        let command = Add { tally: "stuck".into(), number };
        harness.domain.process(command).priority(priority).synchronous().await.unwrap();
    }
    harness.drain_but(3).await;
    assert_eq!(harness.seen("stuck").await, [0, 1]);
    harness
}

async fn a_letter_keeps_the_exact_bytes_and_the_reason(on: On) {
    let harness = stuck(on, Fault::Fail(u32::MAX)).await;
    let [letter] = letters(&harness, NUMBERS).await.try_into().unwrap();
    let message = &letter.recorded.message;
    assert_eq!(&*message.data, r#"{"tally":"stuck","number":2}"#);
    assert_eq!((letter.attempts, letter.reason.as_str()), (3, "planned"));
    assert_eq!((message.priority, letter.recorded.stream_position), (Priority::BULK, 2));
}

async fn a_replayed_message_runs_with_those_behind_it_in_order(on: On) {
    let harness = stuck(on, Fault::Fail(u32::MAX)).await;
    let (_, late_copies) = counts(&harness.numbers().await);
    harness.faults.mend();
    let replayed = with(&harness, NUMBERS, async |letters| letters.replay_all().await).await;
    assert_eq!(replayed.unwrap(), 1);
    harness.drain().await;
    assert_eq!(harness.seen("stuck").await, [0, 1, 2, 3, 4, 5]);
    let numbers = harness.numbers().await;
    assert_eq!((numbers.dead(), counts(&numbers)), (0, (6, late_copies)));
    harness.assert_closes().await;
}

async fn a_replayed_message_has_all_its_tries_again(on: On) {
    let harness = stuck(on, Fault::Fail(u32::MAX)).await;
    let before = harness.faults.calls().len();
    with(&harness, NUMBERS, async |letters| letters.replay_all().await).await.unwrap();
    harness.serve_until(async || harness.numbers().await.dead() == 1).await;
    harness.drain_but(3).await;
    assert_eq!(harness.faults.calls().len() - before, 3);
    assert_eq!(harness.seen("stuck").await, [0, 1]);
    harness.assert_closes().await;
}

async fn a_purged_message_lets_those_behind_it_run(on: On) {
    let harness = stuck(on, Fault::Reject).await;
    let [letter] = letters(&harness, NUMBERS).await.try_into().unwrap();
    let purged = with(&harness, NUMBERS, async |letters| {
        (letters.purge(&letter).await.unwrap(), letters.purge(&letter).await.unwrap())
    });
    assert_eq!(purged.await, (true, false), "there is nothing to purge twice");
    harness.drain().await;
    assert_eq!(harness.seen("stuck").await, [0, 1, 3, 4, 5]);
    let numbers = harness.numbers().await;
    assert_eq!((numbers.dead(), numbers.count(Counter::Purged), counts(&numbers).0), (0, 1, 5));
    harness.assert_closes().await;
}

async fn a_message_that_others_flowed_past_is_replayed_and_purged(on: On) {
    let harness = Harness::with(on, |builder| builder.register(Skipping));
    for tally in ["a", "b"] {
        for number in [7, 0, 8] {
            let command = Add { tally: tally.into(), number };
            harness.domain.process(command).synchronous().await.unwrap();
        }
    }
    harness.drain().await;
    let skipping = "harness.Skipping";
    let [a, b] = letters(&harness, skipping).await.try_into().unwrap();
    assert!(with(&harness, skipping, async |of| of.purge(&a).await.unwrap()).await);
    assert!(with(&harness, skipping, async |of| of.replay(&b).await.unwrap()).await);
    harness.serve_until(async || letters(&harness, skipping).await.len() == 1).await;
    harness.drain().await;
    let standing = harness.group_status(skipping).await;
    assert_eq!(
        (standing.dead(), standing.count(Counter::Purged), counts(&standing)),
        (1, 1, (4, 0))
    );
    harness.assert_closes().await;
}

async fn a_command_is_replayed_alone(on: On) {
    let harness = Harness::new(on);
    harness.add("low", -10, Priority::NORMAL).await;
    harness.drain().await;
    harness.add("low", 30, Priority::NORMAL).await;
    harness.drain().await;
    let commands = "harness.TallyCommands";
    assert_eq!((letters(&harness, commands).await.len(), harness.sum().await), (1, 30));
    with(&harness, commands, async |letters| letters.replay_all().await).await.unwrap();
    harness.drain().await;
    assert_eq!((letters(&harness, commands).await.len(), harness.sum().await), (0, 20));
    harness.assert_closes().await;
}

/// What operators have done, as `action by count`, the oldest first.
async fn recorded(harness: &Harness) -> Vec<(String, u64)> {
    let find = Find { category: Some(Category::named("harness::operations")), ..Find::first(100) };
    let found = harness.domain.store().await.unwrap().find(find).await.unwrap();
    let read = |data: &str| serde_json::from_str::<Operation>(data).unwrap();
    let operations = found.iter().map(|of| read(&of.message.data));
    operations.map(|of| (format!("{} by {}", of.action, of.by), of.count)).collect()
}

async fn what_an_operator_does_is_recorded_with_it(on: On) {
    let harness = Harness::new(on);
    let commands = (0..250).map(|number| Add { tally: format!("t-{number}").into(), number: -1 });
    harness.domain.process_all(commands).priority(Priority::BULK).await.unwrap();
    harness.drain().await;
    let commands = "harness.TallyCommands";
    let first = letters(&harness, commands).await.remove(0);
    let ann = || Operator::named("ann");
    let replayed = async |letters: DeadLetters<'_>| letters.by(ann()).replay(&first).await.unwrap();
    assert!(with(&harness, commands, replayed).await);
    assert!(!with(&harness, commands, replayed).await, "it is not dead any more");
    let all = async |letters: DeadLetters<'_>| letters.by(ann()).replay_all().await.unwrap();
    assert_eq!(with(&harness, commands, all).await, 249);
    assert_eq!(with(&harness, commands, all).await, 0);
    harness.serve_until(async || harness.group_status(commands).await.dead() == 250).await;
    let tomorrow = harness.domain.clock().now() + std::time::Duration::from_secs(86_400);
    let purge =
        async |letters: DeadLetters<'_>| letters.by(ann()).purge_all(tomorrow).await.unwrap();
    assert_eq!(with(&harness, commands, purge).await, 250);
    let counts = |action: &str, found: &[(String, u64)]| -> Vec<u64> {
        found.iter().filter(|(what, _)| what == action).map(|(_, count)| *count).collect()
    };
    let found = recorded(&harness).await;
    assert_eq!(counts("replay by ann", &found), [1, 100, 100, 49], "{found:?}");
    assert_eq!(counts("purge by ann", &found), [100, 100, 50], "{found:?}");
    harness.assert_closes().await;
}

async fn many_letters_are_replayed_and_purged_page_by_page(on: On) {
    let harness = Harness::new(on);
    let commands = (0..1200).map(|number| Add { tally: format!("t-{number}").into(), number: -1 });
    harness.domain.process_all(commands).priority(Priority::BULK).await.unwrap();
    harness.drain().await;
    let commands = "harness.TallyCommands";
    assert_eq!(harness.group_status(commands).await.dead(), 1200);
    let replayed = with(&harness, commands, async |letters| letters.replay_all().await).await;
    assert_eq!(replayed.unwrap(), 1200);
    assert_eq!(harness.group_status(commands).await.parked(), 1200);
    harness.serve_until(async || harness.group_status(commands).await.dead() == 1200).await;
    let never =
        with(&harness, commands, async |letters| letters.purge_all(Timestamp::default()).await);
    assert_eq!(never.await.unwrap(), 0, "none is that old");
    let tomorrow = harness.domain.clock().now() + std::time::Duration::from_secs(86_400);
    let purged = with(&harness, commands, async |letters| letters.purge_all(tomorrow).await);
    assert_eq!(purged.await.unwrap(), 1200);
    let standing = harness.group_status(commands).await;
    assert_eq!((standing.dead(), standing.count(Counter::Purged)), (0, 1200));
    harness.assert_closes().await;
}

async fn a_letter_is_replayed_once(on: On) {
    let harness = stuck(on, Fault::Reject).await;
    harness.faults.mend();
    let [letter] = letters(&harness, NUMBERS).await.try_into().unwrap();
    let (one, other) = with(&harness, NUMBERS, async |letters| {
        tokio::join!(letters.replay(&letter), letters.replay(&letter))
    })
    .await;
    assert!(one.unwrap() != other.unwrap(), "only one of them finds it dead");
    harness.drain().await;
    assert_eq!(harness.seen("stuck").await, [0, 1, 2, 3, 4, 5]);
    harness.assert_closes().await;
}
