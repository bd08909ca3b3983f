//! What is handled is noted in the claim first, and only its handler waits for that.

use std::time::Duration;

use protean::message::Priority;
use protean_engine::Server;
use tokio::time::sleep;

use crate::harness::{Harness, On, counts};
use crate::tallies::{Add, Fault, Faults, Forwarder};
use crate::unreliable::Unreliable;
use crate::weather::Weather;

const SOON: Duration = Duration::from_millis(100);
const LATER: Duration = Duration::from_secs(2);

/// Commits an event of a tally of its own.
async fn commit(harness: &Harness, number: i64, priority: Priority) {
    let command = Add { tally: format!("t-{number}").into(), number };
    harness.domain.process(command).priority(priority).synchronous().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_note_that_hangs_holds_back_its_handler_and_neither_commits_nor_reads() {
    let weather = Weather::new(1);
    weather.calm();
    let (store, forwarder) = (Unreliable::new(&weather), Faults::default());
    let registered = Forwarder(forwarder.clone());
    let harness = Harness::with(On::Memory, |builder| builder.provider(store).register(registered));
    forwarder.plan(-1, Fault::Sleep(SOON * 5));
    let handled = async || counts(&harness.group_status("harness.Forwarder").await).0;
    let play = async {
        commit(&harness, 1, Priority::NORMAL).await;
        sleep(SOON).await;
        assert_eq!(forwarder.calls(), [-1], "it is noted and runs");
        weather.freeze_notes(true);
        for number in [2, 3] {
            commit(&harness, number, Priority::NORMAL).await;
        }
        sleep(SOON).await;
        let reads = weather.bulk_reads_of("harness.Forwarder");
        commit(&harness, 4, Priority::BULK).await;
        sleep(LATER).await;
        assert_eq!(forwarder.calls(), [-1], "the others are not noted yet");
        assert_eq!(handled().await, 1, "what has run is committed meanwhile");
        assert!(weather.bulk_reads_of("harness.Forwarder") > reads, "its worker goes on reading");
        weather.freeze_notes(false);
        sleep(LATER).await;
        assert_eq!(forwarder.calls(), [-1, -2, -3, -4]);
    };
    Server::new(harness.domain.clone()).run(play).await.unwrap();
    harness.assert_closes().await;
}
