//! Machines whose clocks are wrong, on one database server: its clock counts.

use std::time::{Duration, Instant};

use protean::ScheduledMessages;
use protean::message::{Id, Priority, Timestamp};
use protean::port::{Clock, SystemClock};

use crate::harness::{Harness, On};
use crate::scheduled::{rung, schedule, serve_until, tower, tower_by};

const HOUR: Duration = Duration::from_secs(3600);

/// The clock of a machine that is an hour ahead.
struct Ahead;

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + HOUR
    }

    fn is_of_machine(&self) -> bool {
        true
    }
}

crate::on! { Production in production: {
    a_delay_is_as_long_on_a_machine_that_is_ahead
} }

async fn a_delay_is_as_long_on_a_machine_that_is_ahead(on: On) {
    let harness = Harness::new(on);
    let (ahead, right) = (tower_by(harness.settings(), Ahead), tower(harness.settings()));
    let far = [
        schedule(&ahead, "far", 0, 1_800_000, Priority::NORMAL).await,
        schedule(&right, "far", 1, 1_800_000, Priority::NORMAL).await,
    ];
    for (name, sender, server) in
        [("one", &ahead, &right), ("two", &right, &ahead), ("three", &ahead, &ahead)]
    {
        let begun = Instant::now();
        schedule(sender, name, 0, 1_000, Priority::NORMAL).await;
        serve_until(server, async || !rung(&right, name).await.is_empty()).await;
        let waited = begun.elapsed();
        // The server's clock may have drifted since it was read.
        assert!(waited > Duration::from_millis(980), "{name}: it came after {waited:?}");
    }
    let begun = Instant::now();
    for number in 0..20 {
        let sender = if number % 2 == 0 { &ahead } else { &right };
        schedule(sender, "both", number, 1_000, Priority::NORMAL).await;
    }
    let all = async || rung(&right, "both").await.len() == 20;
    tokio::join!(serve_until(&ahead, all), serve_until(&right, all));
    assert!(begun.elapsed() > Duration::from_millis(980), "{:?}", begun.elapsed());
    let waiting = ScheduledMessages::of(&right).page(None, 99).await.unwrap();
    let is_far = |id: &Id| waiting.iter().any(|of| *of.key == *id.as_str());
    assert!(far.iter().all(is_far), "{waiting:?}");
    let timers = waiting.iter().filter(|of| of.key.ends_with(":Fed"));
    let delays: Vec<Duration> = timers.map(|of| of.due.since(SystemClock.now())).collect();
    assert!(!delays.is_empty() && delays.iter().all(|delay| *delay < HOUR / 2), "{delays:?}");
}
