//! What a rebuild finds that others have left: a process that died, another version of the program,
//! a projector that was added meanwhile.

use std::future::{pending, ready};
use std::time::Duration;

use protean::port::TableSwap;
use protean::{Context, DomainBuilder, Priority, Result, projector};
use protean_engine::{Rebuild, RebuildEnd, rebuilds};

use crate::harness::{Harness, On};
use crate::shared::{fill, is_exact, rebuild};
use crate::tallies::{Added, Fault};
use crate::two_aggregates::{Bark, Barked, Dog, DogCommandHandler};
use crate::volume::{Volume, hear, heard};

/// Some of its rows are gone by then, and how far it was is not.
async fn a_rebuild_that_was_given_up_in_part_begins_anew(on: On) {
    let harness = Harness::new(on);
    fill(&harness, 40).await;
    harness.drain().await;
    let slow = harness.sibling();
    // So long that it is stopped before the last of them, however busy the machine is.
    (20..40).for_each(|number| slow.faults.plan(number, Fault::Sleep(Duration::from_secs(2))));
    let begun = Rebuild::of(&slow.domain, "Numbers").await.unwrap();
    let (reached, stop) = tokio::sync::oneshot::channel();
    let mut reached = Some(reached);
    let end = begun.run(async { stop.await.unwrap() }, |progress| {
        if progress.settled > 0
            && let Some(reached) = reached.take()
        {
            reached.send(()).unwrap();
        }
    });
    assert_eq!(end.await.unwrap(), RebuildEnd::Stopped);
    drop(begun);
    let groups = harness.domain.groups();
    let numbers = groups.iter().find(|group| group.handler == "NumbersProjector").unwrap();
    let table = numbers.projection.as_ref().unwrap().table.as_ref().clone();
    let swap = TableSwap::to_next_generation(table, &[(&numbers.name, &numbers.name)]);
    let store = harness.domain.store().await.unwrap();
    assert!(store.abandon(&swap).await.unwrap(), "there is more to delete");
    let last = harness.sibling();
    rebuild(&last, "Numbers").await;
    assert_eq!(last.faults.calls().len(), 40, "it began with the first message");
    is_exact(&harness.sibling(), 40).await;
}

async fn two_tables_do_not_fit(on: On) {
    let harness = Harness::new(on);
    fill(&harness, 40).await;
    harness.drain().await;
    harness.run_sql("ALTER TABLE numbers RENAME COLUMN seen TO looked_at");
    harness.run_sql("ALTER TABLE sum RENAME COLUMN sum TO total");
    let refused = harness.sibling().refusal().await;
    assert!(refused.contains("`projection rebuild"), "{refused}");
    rebuild(&harness.sibling(), "Numbers").await;
    rebuild(&harness.sibling(), "Sum").await;
    is_exact(&harness.sibling(), 40).await;
}

struct Doorman;

#[projector(projection = Volume)]
impl Doorman {
    #[on]
    async fn added(&self, _: Added, context: &Context) -> Result {
        hear("street", context).await
    }
}

struct Gardener;

#[projector(projection = Volume)]
impl Gardener {
    #[on]
    async fn added(&self, _: Added, context: &Context) -> Result {
        hear("garden", context).await
    }
}

/// The doorman of a later version of the program.
struct AttentiveDoorman;

#[projector(projection = Volume, name = "Doorman")]
impl AttentiveDoorman {
    #[on]
    async fn added(&self, _: Added, context: &Context) -> Result {
        hear("street", context).await
    }

    #[on]
    async fn barked(&self, _: Barked, context: &Context) -> Result {
        hear("street", context).await
    }
}

fn guarded(builder: DomainBuilder) -> DomainBuilder {
    let builder = builder.aggregate::<Dog>().register(DogCommandHandler);
    builder.register(Doorman)
}

fn guarded_with_garden(builder: DomainBuilder) -> DomainBuilder {
    guarded(builder).register(Gardener)
}

fn guarded_well(builder: DomainBuilder) -> DomainBuilder {
    let builder = builder.aggregate::<Dog>().register(DogCommandHandler);
    builder.register(AttentiveDoorman)
}

/// The former groups of the doorman have to go, that of the gardener is at work.
async fn a_projector_that_came_after_a_rebuild_keeps_its_progress(on: On) {
    let harness = Harness::with(on, guarded);
    fill(&harness, 40).await;
    harness.drain().await;
    rebuild(&harness.sibling_of(guarded), "Volume").await;
    let with_garden = harness.sibling_of(guarded_with_garden);
    with_garden.drain().await;
    let before = heard(&with_garden, "garden").await;
    let begun = harness.sibling_of(guarded_with_garden);
    let begun = Rebuild::of(&begun.domain, "Volume").await.unwrap();
    assert_eq!(begun.run(ready(()), |_| ()).await.unwrap(), RebuildEnd::Stopped);
    begun.abandon().await.unwrap();
    drop(begun);
    let after = harness.sibling_of(guarded_with_garden);
    after.add("t", 40, Priority::NORMAL).await;
    after.drain().await;
    assert_eq!(heard(&after, "garden").await, before + 1);
    after.assert_closes().await;
    rebuild(&harness.sibling_of(guarded_with_garden), "Volume").await;
    let last = harness.sibling_of(guarded_with_garden);
    assert_eq!((heard(&last, "street").await, heard(&last, "garden").await), (41, 41));
    last.assert_closes().await;
}

/// Its table would lack what only the newer version takes.
async fn an_older_version_does_not_rebuild(on: On) {
    let old = Harness::with(on, guarded);
    fill(&old, 4).await;
    old.drain().await;
    let new = old.sibling_of(guarded_well);
    new.domain.process(Bark {}).asynchronous().await.unwrap();
    new.drain().await;
    let older = Rebuild::of(&old.sibling_of(guarded).domain, "Volume").await.unwrap();
    let refused = older.run(pending(), |_| ()).await.unwrap_err();
    drop(older);
    assert!(refused.is_misuse(), "{refused}");
    assert!(
        refused.to_string().contains("a newer version of the program has Doorman"),
        "{refused}"
    );
    assert_eq!(heard(&new, "street").await, 5);
    rebuild(&old.sibling_of(guarded_well), "Volume").await;
    let last = old.sibling_of(guarded_well);
    assert_eq!(heard(&last, "street").await, 5);
    last.assert_closes().await;
}

/// A server needs its tables and groups, whatever the program did before.
async fn a_program_that_only_looked_can_serve(on: On) {
    let harness = Harness::new(on);
    let empty = harness.sibling();
    assert!(rebuilds(&empty.domain).await.is_err(), "looking has prepared nothing");
    fill(&empty, 40).await;
    empty.drain().await;
    let newer = harness.sibling_of(guarded);
    protean::require_database(&newer.domain).await.unwrap();
    let refused = newer.domain.repository::<Volume>().await.unwrap().find(&"street".into()).await;
    assert!(refused.is_err(), "nor has it now");
    newer.drain().await;
    assert_eq!(heard(&newer, "street").await, 40);
}

crate::on! {
    Sqlite in sqlite, Production in production: {
        a_program_that_only_looked_can_serve
        a_rebuild_that_was_given_up_in_part_begins_anew
        two_tables_do_not_fit
        a_projector_that_came_after_a_rebuild_keeps_its_progress
        an_older_version_does_not_rebuild
    }
}
