//! Groups of handlers that were renamed.

use protean::port::Counter;
use protean::{Context, Handled, Priority, projector};
use protean_engine::DeadLetters;

use crate::harness::{Harness, On};
use crate::tallies::{Added, Fault, Faults, Numbers};

/// The projector of the harness under another name.
struct Renamed(Faults);

#[projector(projection = Numbers, name = "RenamedProjector")]
impl Renamed {
    #[on]
    async fn on_added(&self, event: Added, context: &Context) -> Handled {
        self.0.meet(event.number).await?;
        let rows = context.repository::<Numbers>();
        let mut row = rows.get(&event.tally).await?;
        row.seen.push(event.number);
        Ok(rows.add(row).await?)
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

crate::on! {
    Sqlite in sqlite, Streams in streams, Production in production: {
        a_renamed_handler_goes_on_where_it_was
    }
}
