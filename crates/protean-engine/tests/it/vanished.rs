//! A handler is renamed or removed, and its group stays behind.

use protean::message::Priority;
use protean::port::Counter;
use protean::{Result, event_handler};
use protean_engine::{vanished_groups, verify};

use crate::harness::{Harness, On};
use crate::tallies::{Added, Faults, Mailer, Tally};

/// The mailer after it was renamed.
struct Postman;

#[event_handler(part_of = Tally, name = "Mailer", start_from = "beginning")]
impl Postman {
    #[handle]
    async fn on_added(&self, event: Added) -> Result {
        assert!(event.number >= 0);
        Ok(())
    }
}

async fn unfinished_work_of_a_group_without_a_handler_stops_the_start(on: On) {
    let before = Harness::with(on, |builder| builder.register(Mailer(Faults::default())));
    before.add("t", 1, Priority::NORMAL).await;
    before.drain().await;
    let renamed = before.sibling();
    assert!(verify(&renamed.domain).await.unwrap().closes, "nothing of it is unfinished");
    renamed.serve_until(async || true).await;
    for number in 2..5 {
        before.add("t", number, Priority::NORMAL).await;
    }
    // The events that the group misses come of these.
    renamed.drain().await;
    let report = verify(&renamed.domain).await.unwrap();
    assert!(!report.closes && report.vanished[0].unfinished == 3, "{report:?}");
    let refused = renamed.refusal().await;
    for part in ["'harness.Mailer' has 3 unfinished", "name = \"Mailer\"", "subscriptions forget"] {
        assert!(refused.contains(part), "{refused}");
    }
    let allowed =
        |config: String| config.replace("[server]\n", "[server]\nallow_vanished_groups = true\n");
    before.sibling_with(allowed).serve_until(async || true).await;
    let pinned = before.sibling_of(|builder| builder.register(Postman));
    pinned.drain().await;
    let mailer = pinned.group_status("harness.Mailer").await;
    assert_eq!(mailer.count(Counter::Handled), 4, "it goes on where it was");
    assert_eq!(vanished_groups(&renamed.domain).await.unwrap()[0].unfinished, 0);
    assert!(verify(&pinned.domain).await.unwrap().closes);
}

async fn a_handler_that_only_a_newer_program_has_stops_no_older_one(on: On) {
    let old = Harness::new(on);
    old.domain.store().await.unwrap();
    let new = old.sibling_of(|builder| builder.register(Mailer(Faults::default())));
    // One that only looks registers nothing at all.
    let looking = old.sibling_of(|builder| builder.register(Mailer(Faults::default())));
    protean::require_database(&looking.domain).await.unwrap();
    looking.domain.store().await.unwrap();
    let restarts = async |number| {
        old.add("t", number, Priority::NORMAL).await;
        old.drain().await;
        // As after a crash or a rollback.
        old.serve_until(async || true).await;
        assert!(verify(&old.domain).await.unwrap().closes);
    };
    restarts(1).await;
    new.domain.store().await.unwrap();
    restarts(2).await;
    assert_eq!(vanished_groups(&old.domain).await.unwrap(), []);
    assert_eq!(new.group_status("harness.Mailer").await.lag(), 2);
}

crate::on! { Sqlite in sqlite, Production in production: {
    unfinished_work_of_a_group_without_a_handler_stops_the_start
    a_handler_that_only_a_newer_program_has_stops_no_older_one
} }
