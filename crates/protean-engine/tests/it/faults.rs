//! Handlers that fail, panic or are refused by the database.

use std::sync::Arc;
use std::time::Duration;

use protean::message::{Category, Lane, Message, Priority};
use protean::port::{Append, Changes, Counter, Expect, Outcome};
use protean::{Context, Id, Result, event_handler};
use protean_engine::DeadLetters;
use tokio::sync::Semaphore;

use crate::harness::{Harness, On, SYNCHRONOUS, counts};
use crate::tallies::{Add, Fault, IN_CONFLICT_WITH_ITSELF};
use crate::tallies::{Added, Numbers, Tally};
use crate::{on, on_every_stack, on_every_store};

on_every_stack! {
    a_refused_command_is_dead_at_once
    a_panic_costs_one_message
    a_unique_field_makes_one_dead_letter_and_its_batch_goes_on
    an_expired_command_is_not_handled
    a_failing_handler_keeps_production_flowing
    a_unit_in_conflict_with_itself_ends_as_a_dead_letter
    a_refused_row_of_a_synchronous_domain_is_dead_and_told
    a_handler_that_takes_too_long_fails_and_gives_its_slot_back
    a_task_that_outlives_its_handler_changes_nothing_and_holds_up_no_stop
}

// A broker never gets them.
on_every_store! {
    data_that_no_program_would_write_is_a_dead_letter
}

// The damage is done by SQL.
on! {
    Sqlite in damaged_file, Streams in damaged_streams, Production in damaged_database: {
        a_row_of_the_log_that_cannot_be_read_is_one_dead_letter
    }
}

on! {
    Sqlite in odd_file, Streams in odd_streams: { data_that_is_no_text_is_one_dead_letter }
}

/// Leaves a task behind that writes when its handler has long returned, and one that never ends.
struct Leaking(Arc<Semaphore>);

#[event_handler(part_of = Tally, start_from = "beginning")]
impl Leaking {
    #[handle]
    async fn on_added(&self, event: Added, context: &Context) -> Result {
        let (settled, context) = (Arc::clone(&self.0), context.clone());
        tokio::spawn(async move {
            settled.acquire().await.unwrap().forget();
            let tally = Id::from("leaked");
            context.process(Add { tally: tally.clone(), number: event.number }).unwrap_err();
            let row = Numbers { tally, seen: vec![event.number], mark: None };
            context.repository::<Numbers>().add(row).await.unwrap_err();
            settled.add_permits(100);
        });
        tokio::spawn(std::future::pending::<()>());
        Ok(())
    }
}

async fn a_task_that_outlives_its_handler_changes_nothing_and_holds_up_no_stop(on: On) {
    let settled = Arc::new(Semaphore::new(0));
    let leaking = Leaking(Arc::clone(&settled));
    let harness = Harness::with(on, |builder| builder.register(leaking));
    for number in 0..10 {
        harness.add("t", number, Priority::NORMAL).await;
    }
    harness.drain().await;
    settled.add_permits(10);
    harness.serve_until(async || settled.available_permits() >= 1000).await;
    harness.drain().await;
    assert_eq!(harness.seen("t").await, (0..10).collect::<Vec<_>>());
    assert!(harness.seen("leaked").await.is_empty(), "its unit of work was over");
    assert_eq!(harness.group_status("harness.TallyCommands").await.committed, 10);
    assert_eq!(counts(&harness.group_status("harness.Leaking").await), (10, 0));
    harness.assert_closes().await;
}

async fn a_unit_in_conflict_with_itself_ends_as_a_dead_letter(on: On) {
    let harness = Harness::new(on);
    harness.add("twice", IN_CONFLICT_WITH_ITSELF, Priority::NORMAL).await;
    harness.add("once", 5, Priority::NORMAL).await;
    harness.drain().await;
    let commands = harness.group_status("harness.TallyCommands").await;
    assert_eq!((counts(&commands).0, commands.dead()), (1, 1));
    harness.assert_closes().await;
}

async fn a_refused_row_of_a_synchronous_domain_is_dead_and_told(_: On) {
    let harness = Harness::with(On::Memory, |builder| builder.config(SYNCHRONOUS));
    harness.faults.plan(1, Fault::Mark("taken"));
    harness.faults.plan(2, Fault::Mark("taken"));
    let send = |tally: &str, number| harness.domain.process(Add { tally: tally.into(), number });
    send("a", 1).await.unwrap();
    let error = send("b", 2).await.unwrap_err();
    assert!(error.committed(), "{error}");
    send("b", 3).await.unwrap();
    let numbers = harness.numbers().await;
    assert_eq!((numbers.dead(), numbers.parked(), numbers.lag()), (1, 1, 0), "3 waits behind 2");
    assert_eq!(harness.sum().await, 6);
    harness.assert_closes().await;
}

async fn a_refused_command_is_dead_at_once(on: On) {
    let harness = Harness::new(on);
    harness.add("low", 5, Priority::NORMAL).await;
    harness.add("low", -10, Priority::NORMAL).await;
    harness.add("low", 1, Priority::NORMAL).await;
    harness.drain().await;
    let commands = harness.group_status("harness.TallyCommands").await;
    assert_eq!((counts(&commands).0, commands.dead(), commands.parked()), (2, 1, 0));
    assert_eq!(harness.seen("low").await, [5, 1], "commands stay independent");
    harness.assert_closes().await;
}

async fn a_panic_costs_one_message(on: On) {
    let harness = Harness::new(on);
    harness.faults.plan(2, Fault::Panic);
    for number in 0..6 {
        harness.add(&format!("t-{number}"), number, Priority::NORMAL).await;
    }
    harness.serve_until(async || harness.numbers().await.dead() == 1).await;
    harness.drain().await;
    assert_eq!(harness.seen("t-5").await, [5]);
    assert_eq!(harness.faults.calls().iter().filter(|number| **number == 2).count(), 3);
    harness.assert_closes().await;
}

async fn a_unique_field_makes_one_dead_letter_and_its_batch_goes_on(on: On) {
    let harness = Harness::new(on);
    harness.faults.plan(1, Fault::Mark("taken"));
    harness.faults.plan(50, Fault::Mark("taken"));
    let commands = (0..100).map(|number| Add { tally: format!("t-{number}").into(), number });
    harness.domain.process_all(commands).await.unwrap();
    harness.drain().await;
    let numbers = harness.numbers().await;
    assert_eq!((counts(&numbers).0, numbers.dead(), numbers.parked()), (99, 1, 0));
    let (one, other) = (harness.seen("t-1").await, harness.seen("t-50").await);
    assert!(one.is_empty() != other.is_empty(), "{one:?} {other:?}");
    assert_eq!(harness.sum().await, (0..100).sum::<i64>());
    harness.assert_closes().await;
}

async fn an_expired_command_is_not_handled(on: On) {
    let harness = Harness::new(on);
    let add = Add { tally: "late".into(), number: 1 };
    harness.domain.store().await.unwrap();
    let sent = harness.domain.process(add).timeout(Duration::from_millis(300)).asynchronous();
    sent.await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    harness.drain().await;
    let commands = harness.group_status("harness.TallyCommands").await;
    assert_eq!(commands.count(Counter::Expired), 1);
    assert_eq!(harness.sum().await, 0);
    harness.assert_closes().await;
}

async fn a_failing_handler_keeps_production_flowing(on: On) {
    let patient = "[server.subscriptions.NumbersProjector]\ncircuit_breaker_threshold = 1000\n";
    let harness = Harness::configured(on, patient, |builder| builder);
    for number in 0..100 {
        harness.faults.plan(number, Fault::Fail(u32::MAX));
        harness.add(&format!("bad-{number}"), number, Priority::BULK).await;
    }
    harness.add("good", 1000, Priority::NORMAL).await;
    harness.serve_until(async || harness.numbers().await.dead() == 100).await;
    harness.drain().await;
    assert_eq!(harness.seen("good").await, [1000]);
    harness.assert_closes().await;
}

async fn a_handler_that_takes_too_long_fails_and_gives_its_slot_back(on: On) {
    let short = "[server.subscriptions.NumbersProjector]\nhandler_timeout_seconds = 0.05\n";
    let harness = Harness::configured(on, short, |builder| builder);
    harness.faults.plan(1, Fault::Sleep(Duration::from_secs(3600)));
    harness.add("slow", 1, Priority::NORMAL).await;
    for number in 2..8 {
        harness.add("other", number, Priority::NORMAL).await;
    }
    harness.serve_until(async || harness.numbers().await.dead() == 1).await;
    harness.drain().await;
    assert_eq!(harness.seen("other").await, [2, 3, 4, 5, 6, 7], "its one slot came back");
    assert_eq!(harness.faults.calls().iter().filter(|number| **number == 1).count(), 3);
    harness.assert_closes().await;
}

async fn a_row_of_the_log_that_cannot_be_read_is_one_dead_letter(on: On) {
    let harness = Harness::new(on);
    for (tally, number) in [("damaged", 1), ("well", 2), ("well", 3)] {
        harness.add(tally, number, Priority::NORMAL).await;
    }
    let damage = "UPDATE messages SET extensions = '{\"deadline\": \"never\"}' \
                  WHERE data LIKE '%damaged%'";
    harness.run_sql(damage);
    harness.drain().await;
    let commands = harness.group_status("harness.TallyCommands").await;
    assert_eq!((commands.count(Counter::Handled), commands.dead()), (2, 1));
    assert_eq!(harness.seen("well").await, [2, 3]);
    let groups = harness.domain.groups();
    let group = groups.iter().find(|group| *group.name == *"harness.TallyCommands").unwrap();
    let letters = DeadLetters::of(&harness.domain, group).await.unwrap();
    let reason = letters.page(0, 1).await.unwrap().remove(0).reason;
    assert!(reason.contains("cannot be read") && reason.contains("never"), "{reason}");
    harness.assert_closes().await;
}

/// Only SQLite takes bytes that are no text.
async fn data_that_is_no_text_is_one_dead_letter(on: On) {
    let harness = Harness::new(on);
    for (tally, number) in [("damaged", 1), ("well", 2), ("well", 3)] {
        harness.add(tally, number, Priority::NORMAL).await;
    }
    harness.run_sql("UPDATE messages SET data = X'ff00' WHERE data LIKE '%damaged%'");
    harness.drain().await;
    let commands = harness.group_status("harness.TallyCommands").await;
    assert_eq!((commands.count(Counter::Handled), commands.dead()), (2, 1));
    harness.assert_closes().await;
}

async fn data_that_no_program_would_write_is_a_dead_letter(on: On) {
    let harness = Harness::new(on);
    harness.add("t", 1, Priority::NORMAL).await;
    harness.drain().await;
    let store = harness.domain.store().await.unwrap();
    let stream = Category::named("harness::tally").stream(&"t".into());
    let like = store.stream(&stream, 0, 1).await.unwrap().remove(0).message;
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let odd = [
        deep,
        r#"{"tally":"t","number":18446744073709551615}"#.to_owned(),
        r#"{"tally":"t","number":NaN}"#.to_owned(),
        r#"{"tally":"\ud800","number":1}"#.to_owned(),
        format!(r#"{{"tally":"{}","number":"much"}}"#, "x".repeat(8 * 1024 * 1024)),
        "no JSON \u{0} at all".to_owned(),
    ];
    let count = odd.len() as u64;
    for (number, data) in odd.into_iter().enumerate() {
        let id = format!("odd-{number}");
        let stream = Category::named("harness::tally").stream(&id.as_str().into());
        let message = Message { id: id.into(), stream, data: data.into(), ..like.clone() };
        let mut changes = Changes::new(Lane::Primary);
        changes.appends.push(Append { message, expect: Expect::End });
        let outcomes = store.commit([changes].into()).await;
        assert!(matches!(outcomes[..], [Outcome::Committed(_)]), "{outcomes:?}");
    }
    harness.add("after", 7, Priority::NORMAL).await;
    harness.drain().await;
    assert_eq!(harness.numbers().await.dead(), count);
    assert_eq!(harness.seen("after").await, [7]);
    harness.assert_closes().await;
}
