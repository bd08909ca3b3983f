//! Groups of handlers that were renamed.

use std::future::{pending, ready};
use std::time::Duration;

use protean::port::Counter;
use protean::{Context, Handled, Priority, projector};
use protean_engine::{DeadLetters, Rebuild, RebuildEnd};

use crate::harness::{Harness, On};
use crate::tallies::{Added, Fault, Faults, Numbers, NumbersProjector};

/// The projector of the harness under another name.
struct Renamed(Faults);

#[projector(projection = Numbers, name = "RenamedProjector")]
impl Renamed {
    #[on]
    async fn on_added(&self, event: Added, context: &Context) -> Handled {
        protean::On::on(&NumbersProjector(self.0.clone()), event, context).await
    }
}

fn renamed(old: &Harness) -> Harness {
    old.sibling_instead(|builder, faults| builder.register(Renamed(faults)))
}

const OLD: &str = "harness.NumbersProjector";
const NEW: &str = "harness.RenamedProjector";

async fn a_renamed_handler_goes_on_where_it_was(on: On) {
    let old = Harness::new(on);
    for number in 0..6 {
        old.add("t", number, Priority::NORMAL).await;
    }
    // The last three are dead, parked and not handled yet.
    old.faults.plan(3, Fault::Reject);
    old.serve_until(async || old.numbers().await.dead() == 1 && old.sum().await == 15).await;
    let before = old.numbers().await;
    assert_eq!((before.count(Counter::Handled), before.dead()), (3, 1));
    let new = renamed(&old);
    protean::require_database(&new.domain).await.unwrap();
    let store = new.domain.store().await.unwrap();
    store.rename_group(OLD, NEW).await.unwrap();
    store.rename_group(OLD, NEW).await.expect("as after a kill");
    let after = renamed(&old);
    assert_eq!(after.group_status(NEW).await, before, "nothing is moved");
    let groups = after.domain.groups();
    let group = groups.iter().find(|group| *group.name == *NEW).unwrap();
    let letters = DeadLetters::of(&after.domain, group).await.unwrap();
    assert_eq!(letters.replay_all().await.unwrap(), 1);
    after.drain().await;
    assert_eq!(after.faults.calls(), [3, 4, 5], "what was handled does not run again");
    assert_eq!(after.seen("t").await, [0, 1, 2, 3, 4, 5]);
    after.assert_closes().await;
    let refused = old.sibling().refusal().await;
    assert!(refused.contains(OLD) && refused.contains(NEW), "{refused}");
}

async fn rebuild(harness: &Harness) {
    let rebuild = Rebuild::of(&harness.domain, "Numbers").await.unwrap();
    assert_eq!(rebuild.run(pending(), |_| ()).await.unwrap(), RebuildEnd::Swapped);
}

async fn a_handler_is_renamed_between_two_rebuilds(on: On) {
    let old = Harness::new(on);
    old.add("t", 0, Priority::NORMAL).await;
    old.drain().await;
    rebuild(&old.sibling()).await;
    for number in 1..4 {
        old.add("t", number, Priority::NORMAL).await;
    }
    let begun = Rebuild::of(&old.sibling().domain, "Numbers").await.unwrap();
    assert_eq!(begun.run(ready(()), |_| ()).await.unwrap(), RebuildEnd::Stopped);
    let new = renamed(&old);
    protean::require_database(&new.domain).await.unwrap();
    new.domain.store().await.unwrap().rename_group(OLD, NEW).await.unwrap();
    let outdated = begun.run(pending(), |_| ()).await.unwrap_err();
    assert!(outdated.to_string().contains("was renamed to"), "{outdated}");
    drop(begun);
    // The successor that was begun under the former name is gone on with, or begun anew.
    let after = renamed(&old);
    after.serve_until(async || after.group_status(NEW).await.count(Counter::Handled) == 4).await;
    rebuild(&renamed(&old)).await;
    let last = renamed(&old);
    last.drain().await;
    assert_eq!(last.seen("t").await, [0, 1, 2, 3]);
    let ids = last.domain.store().await.unwrap().group_ids().await.unwrap();
    assert_eq!((ids.id(NEW), ids.renamed_to(OLD)), ("harness.NumbersProjector#3", Some(NEW)));
    assert_eq!(last.group_status(NEW).await.count(Counter::Handled), 4);
    last.assert_closes().await;
}

async fn a_server_of_the_former_name_goes_on(on: On) {
    let old = Harness::new(on);
    old.add("t", 0, Priority::NORMAL).await;
    old.drain().await;
    rebuild(&old.sibling()).await;
    let changing = async {
        let new = renamed(&old);
        protean::require_database(&new.domain).await.unwrap();
        new.domain.store().await.unwrap().rename_group(OLD, NEW).await.unwrap();
        for number in 1..6 {
            old.add("t", number, Priority::NORMAL).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let handled = async || old.seen("t").await == [0, 1, 2, 3, 4, 5];
    tokio::join!(old.serve_until(handled), changing);
    let new = renamed(&old);
    new.drain().await;
    assert_eq!(new.faults.calls(), [] as [i64; 0], "all of it was done");
    new.assert_closes().await;
}

crate::on! {
    Sqlite in sqlite, Streams in streams, Production in production: {
        a_renamed_handler_goes_on_where_it_was
        a_handler_is_renamed_between_two_rebuilds
        a_server_of_the_former_name_goes_on
    }
}
