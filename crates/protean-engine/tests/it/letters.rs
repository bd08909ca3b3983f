//! What is dead can be looked at, replayed and purged.

use protean::message::{Priority, Timestamp};
use protean::port::{Counter, DeadLetter};
use protean_engine::DeadLetters;

use crate::on_every_stack;
use crate::tallies::{Add, Bench, Fault, On, Skipping, counts};

on_every_stack! {
    a_letter_keeps_the_exact_bytes_and_the_reason
    a_replayed_message_runs_with_those_behind_it_in_order
    a_replayed_message_has_all_its_tries_again
    a_purged_message_lets_those_behind_it_run
    a_message_that_others_flowed_past_is_replayed_and_purged
    a_command_is_replayed_alone
    many_letters_are_replayed_and_purged_page_by_page
    a_letter_is_replayed_once
}

async fn letters(bench: &Bench, group: &str) -> Vec<DeadLetter> {
    let groups = bench.domain.groups();
    let group = groups.iter().find(|known| *known.name == *group).unwrap();
    DeadLetters::of(&bench.domain, group).await.unwrap().page(0, 1000).await.unwrap()
}

/// Does something with the dead letters of a group.
async fn with<T>(bench: &Bench, group: &str, work: impl AsyncFnOnce(DeadLetters<'_>) -> T) -> T {
    let groups = bench.domain.groups();
    let group = groups.iter().find(|known| *known.name == *group).unwrap();
    work(DeadLetters::of(&bench.domain, group).await.unwrap()).await
}

const NUMBERS: &str = "bench.NumbersProjector";

/// The events of one tally, 2 of them dead at its handler's hands.
async fn stuck(on: On, fault: Fault) -> Bench {
    let bench = Bench::new(on);
    bench.faults.plan(2, fault);
    for number in 0..6 {
        let priority = if number % 2 == 0 { Priority::BULK } else { Priority::NORMAL };
        let command = Add { tally: "stuck".into(), number };
        bench.domain.process(command).priority(priority).synchronous().await.unwrap();
    }
    bench.drain_but(3).await;
    assert_eq!(bench.seen("stuck").await, [0, 1]);
    bench
}

async fn a_letter_keeps_the_exact_bytes_and_the_reason(on: On) {
    let bench = stuck(on, Fault::Fail(u32::MAX)).await;
    let [letter] = letters(&bench, NUMBERS).await.try_into().unwrap();
    let message = &letter.recorded.message;
    assert_eq!(&*message.data, r#"{"tally":"stuck","number":2}"#);
    assert_eq!((letter.attempts, letter.reason.as_str()), (3, "planned"));
    assert_eq!((message.priority, letter.recorded.stream_position), (Priority::BULK, 2));
}

async fn a_replayed_message_runs_with_those_behind_it_in_order(on: On) {
    let bench = stuck(on, Fault::Fail(u32::MAX)).await;
    bench.faults.mend();
    let replayed = with(&bench, NUMBERS, async |letters| letters.replay_all().await).await;
    assert_eq!(replayed.unwrap(), 1);
    bench.drain().await;
    assert_eq!(bench.seen("stuck").await, [0, 1, 2, 3, 4, 5]);
    assert_eq!((bench.numbers().await.dead(), counts(&bench.numbers().await)), (0, (6, 0)));
    bench.assert_closes().await;
}

async fn a_replayed_message_has_all_its_tries_again(on: On) {
    let bench = stuck(on, Fault::Fail(u32::MAX)).await;
    let before = bench.faults.calls().len();
    with(&bench, NUMBERS, async |letters| letters.replay_all().await).await.unwrap();
    bench.serve_until(async || bench.numbers().await.dead() == 1).await;
    bench.drain_but(3).await;
    assert_eq!(bench.faults.calls().len() - before, 3);
    assert_eq!(bench.seen("stuck").await, [0, 1]);
    bench.assert_closes().await;
}

async fn a_purged_message_lets_those_behind_it_run(on: On) {
    let bench = stuck(on, Fault::Reject).await;
    let [letter] = letters(&bench, NUMBERS).await.try_into().unwrap();
    let purged = with(&bench, NUMBERS, async |letters| {
        (letters.purge(&letter).await.unwrap(), letters.purge(&letter).await.unwrap())
    });
    assert_eq!(purged.await, (true, false), "there is nothing to purge twice");
    bench.drain().await;
    assert_eq!(bench.seen("stuck").await, [0, 1, 3, 4, 5]);
    let numbers = bench.numbers().await;
    assert_eq!((numbers.dead(), numbers.count(Counter::Purged), counts(&numbers).0), (0, 1, 5));
    bench.assert_closes().await;
}

async fn a_message_that_others_flowed_past_is_replayed_and_purged(on: On) {
    let bench = Bench::with(on, |builder| builder.register(Skipping));
    for tally in ["a", "b"] {
        for number in [7, 0, 8] {
            let command = Add { tally: tally.into(), number };
            bench.domain.process(command).synchronous().await.unwrap();
        }
    }
    bench.drain().await;
    let skipping = "bench.Skipping";
    let [a, b] = letters(&bench, skipping).await.try_into().unwrap();
    assert!(with(&bench, skipping, async |of| of.purge(&a).await.unwrap()).await);
    assert!(with(&bench, skipping, async |of| of.replay(&b).await.unwrap()).await);
    bench.serve_until(async || letters(&bench, skipping).await.len() == 1).await;
    bench.drain().await;
    let standing = bench.group_status(skipping).await;
    assert_eq!(
        (standing.dead(), standing.count(Counter::Purged), counts(&standing)),
        (1, 1, (4, 0))
    );
    bench.assert_closes().await;
}

async fn a_command_is_replayed_alone(on: On) {
    let bench = Bench::new(on);
    bench.add("low", -10, Priority::NORMAL).await;
    bench.drain().await;
    bench.add("low", 30, Priority::NORMAL).await;
    bench.drain().await;
    let commands = "bench.TallyCommands";
    assert_eq!((letters(&bench, commands).await.len(), bench.sum().await), (1, 30));
    with(&bench, commands, async |letters| letters.replay_all().await).await.unwrap();
    bench.drain().await;
    assert_eq!((letters(&bench, commands).await.len(), bench.sum().await), (0, 20));
    bench.assert_closes().await;
}

async fn many_letters_are_replayed_and_purged_page_by_page(on: On) {
    let bench = Bench::new(on);
    let commands = (0..1200).map(|number| Add { tally: format!("t-{number}").into(), number: -1 });
    bench.domain.process_all(commands).priority(Priority::BULK).await.unwrap();
    bench.drain().await;
    let commands = "bench.TallyCommands";
    assert_eq!(bench.group_status(commands).await.dead(), 1200);
    let replayed = with(&bench, commands, async |letters| letters.replay_all().await).await;
    assert_eq!(replayed.unwrap(), 1200);
    assert_eq!(bench.group_status(commands).await.parked(), 1200);
    bench.serve_until(async || bench.group_status(commands).await.dead() == 1200).await;
    let never =
        with(&bench, commands, async |letters| letters.purge_all(Timestamp::default()).await);
    assert_eq!(never.await.unwrap(), 0, "none is that old");
    let tomorrow = bench.domain.clock().now() + std::time::Duration::from_secs(86_400);
    let purged = with(&bench, commands, async |letters| letters.purge_all(tomorrow).await);
    assert_eq!(purged.await.unwrap(), 1200);
    let standing = bench.group_status(commands).await;
    assert_eq!((standing.dead(), standing.count(Counter::Purged)), (0, 1200));
    bench.assert_closes().await;
}

async fn a_letter_is_replayed_once(on: On) {
    let bench = stuck(on, Fault::Reject).await;
    bench.faults.mend();
    let [letter] = letters(&bench, NUMBERS).await.try_into().unwrap();
    let (one, other) = with(&bench, NUMBERS, async |letters| {
        tokio::join!(letters.replay(&letter), letters.replay(&letter))
    })
    .await;
    assert!(one.unwrap() != other.unwrap(), "only one of them finds it dead");
    bench.drain().await;
    assert_eq!(bench.seen("stuck").await, [0, 1, 2, 3, 4, 5]);
    bench.assert_closes().await;
}
