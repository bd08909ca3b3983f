//! What else goes on beside a rebuild, before it and after it.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use protean::port::Counter;
use protean::{Context, DomainBuilder, Priority, Result, projector};
use protean_core::domain::known_ids;
use protean_engine::{DeadLetters, Rebuild, RebuildEnd, explain, verify};
use tokio::time::sleep;

use crate::harness::{Harness, On, WAIT_LIMIT};
use crate::shared::{fill, is_exact, rebuild};
use crate::tallies::{Add, Added, Fault};
use crate::two_aggregates::{
    Bark, Barked, Cat, CatCommandHandler, Dog, DogCommandHandler, Meow, Meowed,
};
use crate::volume::{Volume, hear, heard};

/// Waits until this process knows that the numbers were built so often.
async fn until_noticed(harness: &Harness, generation: u64) {
    let id = format!("harness.NumbersProjector#{generation}");
    let noticed = async {
        while *known_ids(&harness.domain).id(&"harness.NumbersProjector".into()) != *id {
            sleep(Duration::from_millis(5)).await
        }
    };
    tokio::time::timeout(WAIT_LIMIT, noticed).await.expect("it notices the swap");
}

async fn what_is_processed_at_once_is_in_the_new_table(on: On) {
    let at_once =
        |base| format!("command_processing = \"sync\"\nevent_processing = \"sync\"\n{base}");
    let harness = Harness::rewritten(on, at_once, |builder| builder);
    // A rebuild only looks: it needs a database that another program has prepared.
    harness.domain.store().await.unwrap();
    let other = harness.sibling();
    let done = AtomicBool::new(false);
    let adding = async {
        let mut number = 0;
        while !done.load(Ordering::Relaxed) || number < 200 {
            let command = Add { tally: format!("alone-{number}").into(), number };
            harness.domain.process(command).synchronous().await.unwrap();
            number += 1;
        }
        number
    };
    let rebuilding = async {
        sleep(Duration::from_millis(100)).await;
        rebuild(&other, "Numbers").await;
        rebuild(&harness.sibling(), "Numbers").await;
        done.store(true, Ordering::Relaxed);
    };
    let (count, ()) = tokio::join!(adding, rebuilding);
    let mut missing = Vec::new();
    for number in 0..count {
        if harness.seen(&format!("alone-{number}")).await != [number] {
            missing.push(number);
        }
    }
    assert!(missing.is_empty(), "{missing:?} of {count} are missing");
    until_noticed(&harness, 3).await;
    let numbers = harness.numbers().await;
    assert_eq!((numbers.count(Counter::Handled), numbers.lag()), (count.cast_unsigned(), 0));
    harness.assert_closes().await;
}

async fn two_projections_are_rebuilt_at_once(on: On) {
    let harness = Harness::new(on);
    fill(&harness, 100).await;
    harness.drain().await;
    let (numbers, sum) = (harness.sibling(), harness.sibling());
    tokio::join!(rebuild(&numbers, "Numbers"), rebuild(&sum, "Sum"));
    until_noticed(&harness, 2).await;
    is_exact(&harness, 100).await;
}

async fn servers_die_and_start_beside_a_rebuild(on: On) {
    // A message may be in flight at each death.
    let patient = |base: String| base.replace("max_retries = 2", "max_retries = 1000");
    let harness = Harness::rewritten(on, patient, |builder| builder);
    fill(&harness, 200).await;
    harness.drain().await;
    let done = AtomicBool::new(false);
    let serving = async {
        let mut round = 0;
        while !done.load(Ordering::Relaxed) {
            let server = harness.sibling();
            for number in 200 + round * 10..210 + round * 10 {
                harness.add(&format!("t-{}", number % 20), number, Priority::NORMAL).await;
            }
            let handled = async || server.faults.calls().len() >= 3 || done.load(Ordering::Relaxed);
            server.serve_and_die(handled).await;
            round += 1;
        }
        200 + round * 10
    };
    let rebuilding = async {
        for _ in 0..3 {
            rebuild(&harness.sibling(), "Numbers").await;
        }
        done.store(true, Ordering::Relaxed);
    };
    let (count, ()) = tokio::join!(serving, rebuilding);
    let last = harness.sibling();
    last.drain().await;
    is_exact(&last, count).await;
}

struct Doorman;

#[projector(projection = Volume)]
impl Doorman {
    #[on]
    async fn barked(&self, _: Barked, context: &Context) -> Result {
        hear("street", context).await
    }

    #[on]
    async fn meowed(&self, _: Meowed, context: &Context) -> Result {
        hear("street", context).await
    }
}

struct Gardener;

#[projector(projection = Volume)]
impl Gardener {
    #[on]
    async fn barked(&self, _: Barked, context: &Context) -> Result {
        hear("garden", context).await
    }

    #[on]
    async fn added(&self, _: Added, context: &Context) -> Result {
        hear("street", context).await
    }
}

fn loud(builder: DomainBuilder) -> DomainBuilder {
    let builder = builder.aggregate::<Dog>().aggregate::<Cat>();
    let builder = builder.register(DogCommandHandler).register(CatCommandHandler);
    builder.register(Doorman).register(Gardener)
}

async fn several_projectors_of_several_categories_go_along(on: On) {
    let harness = Harness::with(on, loud);
    for number in 0..30 {
        harness.domain.process(Bark {}).asynchronous().await.unwrap();
        harness.domain.process(Meow {}).priority(Priority::BULK).asynchronous().await.unwrap();
        harness.add("t", number, Priority::NORMAL).await;
    }
    harness.drain().await;
    let heard = async |place: &str| heard(&harness, place).await;
    assert_eq!((heard("street").await, heard("garden").await), (90, 30));
    harness.run_sql("UPDATE volume SET heard = 7");
    let done = AtomicBool::new(false);
    let changing = async {
        let other = harness.sibling_of(loud);
        let barking = async {
            for _ in 0..20 {
                harness.domain.process(Bark {}).asynchronous().await.unwrap();
            }
        };
        tokio::join!(rebuild(&other, "Volume"), barking);
        done.store(true, Ordering::Relaxed);
    };
    let settled = async || done.load(Ordering::Relaxed) && heard("garden").await == 50;
    tokio::join!(harness.serve_until(settled), changing);
    harness.drain().await;
    assert_eq!((heard("street").await, heard("garden").await), (110, 50));
    harness.assert_closes().await;
    let ids = harness.domain.store().await.unwrap().group_ids().await.unwrap();
    for projector in ["Doorman", "Gardener"] {
        assert_eq!(ids.id(&format!("harness.{projector}")), format!("harness.{projector}#2"));
    }
}

async fn dead_letters_and_explanations_are_those_of_the_new_group(on: On) {
    let harness = Harness::new(on);
    fill(&harness, 40).await;
    harness.drain().await;
    rebuild(&harness.sibling(), "Numbers").await;
    until_noticed(&harness, 2).await;
    harness.faults.plan(40, Fault::Reject);
    harness.add("t-0", 40, Priority::NORMAL).await;
    harness
        .serve_until(async || harness.numbers().await.dead() == 1 && harness.sum().await == 820)
        .await;
    let groups = harness.domain.groups();
    let group = groups.iter().find(|group| group.handler == "NumbersProjector").unwrap();
    let letters = DeadLetters::of(&harness.domain, group).await.unwrap();
    let page = letters.page(0, 9).await.unwrap();
    let [letter] = &page[..] else { panic!("one dead letter: {page:?}") };
    let found = explain(&harness.domain, &letter.recorded.message.id).await.unwrap();
    let of = found.handlers.iter().find(|of| of.handler == "NumbersProjector").unwrap();
    assert!(format!("{:?}", of.standing).starts_with("Dead"), "{of:?}");
    let refused = Rebuild::of(&harness.sibling().domain, "Numbers").await.unwrap();
    let sibling_settles_it = refused.run(pending(), |_| ()).await.unwrap();
    assert_eq!(sibling_settles_it, RebuildEnd::Swapped, "its own projector takes the message");
    until_noticed(&harness, 3).await;
    assert_eq!(letters.page(0, 9).await.unwrap(), [], "and so it is not dead any more");
    assert_eq!(letters.replay_all().await.unwrap(), 0);
    harness.drain().await;
    is_exact(&harness, 41).await;
    assert!(verify(&harness.domain).await.unwrap().closes);
}

#[tokio::test]
async fn what_an_ended_process_has_left_is_deleted_when_a_rebuild_is_given_up() {
    let harness = Harness::new(On::Sqlite);
    fill(&harness, 4).await;
    harness.drain().await;
    rebuild(&harness.sibling(), "Numbers").await;
    harness.run_sql("CREATE TABLE numbers__g1 AS SELECT * FROM numbers");
    let given_up = Rebuild::of(&harness.sibling().domain, "Numbers").await.unwrap();
    given_up.abandon().await.unwrap();
    harness.run_sql("CREATE TABLE numbers__g1 (it_is_gone TEXT)");
}

#[tokio::test]
async fn a_projection_that_is_new_has_no_table_yet() {
    let harness = Harness::new(On::Sqlite);
    fill(&harness, 4).await;
    harness.drain().await;
    let newer = harness.sibling_of(loud);
    rebuild(&newer, "Volume").await;
    assert_eq!(heard(&harness.sibling_of(loud), "street").await, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_ends_when_its_database_cannot_be_used_any_more() {
    let harness = Harness::new(On::Sqlite);
    fill(&harness, 40).await;
    harness.drain().await;
    let other = harness.sibling();
    (20..40).for_each(|number| other.faults.plan(number, Fault::Sleep(Duration::from_secs(2))));
    let rebuild = Rebuild::of(&other.domain, "Numbers").await.unwrap();
    let mut is_gone = false;
    let ended = rebuild.run(pending(), |progress| {
        if progress.settled > 0 && !std::mem::replace(&mut is_gone, true) {
            harness.run_sql("DROP TABLE cursors");
        }
    });
    let ended = tokio::time::timeout(WAIT_LIMIT, ended).await;
    let failed = ended.expect("it does not wait for handlers for ever").unwrap_err().to_string();
    assert!(failed.contains("cursors"), "{failed}");
}

crate::on! {
    Sqlite in sqlite, Production in production: {
        what_is_processed_at_once_is_in_the_new_table
        two_projections_are_rebuilt_at_once
        servers_die_and_start_beside_a_rebuild
        several_projectors_of_several_categories_go_along
        dead_letters_and_explanations_are_those_of_the_new_group
    }
}
