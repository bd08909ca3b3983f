//! Bulk work travels as positions: an entry stands for many messages of the log.

use std::time::Duration;

use protean::message::{Positions, Priority};
use protean::port::Counter;

use crate::harness::{Harness, On};
use crate::shared::{entries_added, is_exact, lengths};
use crate::tallies::Fault;

const COMMANDS: &str = "harness::tally:command:backfill";
const EVENTS: &str = "harness::tally:backfill";

/// Enough for entries to grow.
const MESSAGES: i64 = 1_500;

async fn fill(harness: &Harness) {
    for number in 0..MESSAGES {
        harness.add(&format!("t-{}", number % 20), number, Priority::BULK).await;
    }
}

/// The entries of a stream.
fn entries(harness: &Harness, stream: &str) -> String {
    harness.redis().command(&["XRANGE", stream, "-", "+"])
}

async fn an_entry_stands_for_many_messages_and_the_streams_drain(on: On) {
    let harness = Harness::new(on);
    fill(&harness).await;
    harness.drain().await;
    is_exact(&harness, MESSAGES).await;
    let added = entries_added(harness.redis());
    assert!(added < MESSAGES * 2 / 4, "{added} entries for {} messages", MESSAGES * 2);
    harness.serve_until(async || lengths(&harness) == 0).await;
}

async fn a_half_settled_entry_is_finished_by_another_process_and_then_goes(on: On) {
    let harness = Harness::new(on);
    let doomed = harness.sibling();
    doomed.faults.plan(MESSAGES / 2, Fault::Sleep(Duration::from_secs(60)));
    fill(&harness).await;
    let began = || doomed.faults.began(MESSAGES / 2);
    // Long enough for what was handled before it to be committed.
    let is_stuck = async || began().is_some_and(|at| at.elapsed() > Duration::from_secs(2));
    doomed.serve_and_die(is_stuck).await;
    let (all, open) = oldest_entry(&harness).await;
    assert!(all > 1 && open > 0, "{open} of {all} messages of an entry are open");
    harness.drain().await;
    is_exact(&harness, MESSAGES).await;
    harness.serve_until(async || lengths(&harness) == 0).await;
}

/// Wherever in an entry they die: what is settled of it is not handled again, the rest is.
async fn servers_that_die_amid_entries_lose_nothing_and_repeat_nothing(on: On) {
    let harness = Harness::new(on);
    fill(&harness).await;
    let handled = async || harness.numbers().await.count(Counter::Handled).cast_signed();
    for part in 1..=5 {
        let doomed = harness.sibling();
        doomed.serve_and_die(async || handled().await >= part * MESSAGES / 6).await;
        harness.assert_closes().await;
    }
    harness.drain().await;
    is_exact(&harness, MESSAGES).await;
    harness.serve_until(async || lengths(&harness) == 0).await;
}

/// For how many messages the oldest entry of the events stands, and how many of them the
/// projector has not settled.
async fn oldest_entry(harness: &Harness) -> (usize, usize) {
    let found = harness.redis().command(&["XRANGE", EVENTS, "-", "+", "COUNT", "1"]);
    let entry = found.lines().find(|line| line.starts_with('{')).unwrap();
    let positions = Positions::read(entry.as_bytes()).unwrap().unwrap();
    let store = harness.domain.store().await.unwrap();
    let group = harness.domain.groups().iter().find(|group| group.name.contains("Numbers"));
    let (group, category) = (&group.unwrap().name, &positions.category);
    let open = store.recall(group, category, &positions.positions).await.unwrap();
    (positions.positions.len(), open.len())
}

async fn a_stream_that_another_system_reads_has_whole_messages(on: On) {
    let harness = Harness::new(on);
    harness.redis().command(&["XGROUP", "CREATE", EVENTS, "audit.Auditor", "0", "MKSTREAM"]);
    fill(&harness).await;
    harness.drain().await;
    is_exact(&harness, MESSAGES).await;
    let found = entries(&harness, EVENTS);
    assert_eq!(found.matches("\"metadata\"").count(), MESSAGES.cast_unsigned() as usize);
    assert!(!found.contains("{\"positions\""));
    let of_commands = entries_added(harness.redis()) - MESSAGES;
    assert!(of_commands < MESSAGES / 4, "{of_commands} entries for {MESSAGES} commands");
}

async fn entries_hold_messages_where_the_settings_say_so(on: On) {
    let settings = "[server.priority_lanes]\nenabled = true\n";
    let more = format!("{settings}backfill_entries = \"messages\"\n");
    let harness =
        Harness::rewritten(on, |config| config.replace(settings, &more), |builder| builder);
    for number in 0..300 {
        harness.add(&format!("t-{}", number % 20), number, Priority::BULK).await;
    }
    harness.drain().await;
    is_exact(&harness, 300).await;
    assert!(entries_added(harness.redis()) >= 600);
}

async fn an_entry_that_is_damaged_or_of_another_database_stops_nobody(on: On) {
    let harness = Harness::new(on);
    harness.add("t-0", 0, Priority::BULK).await;
    harness.drain().await;
    harness.add("t-0", 1, Priority::BULK).await;
    let add = |entry: &str| harness.redis().command(&["XADD", COMMANDS, "*", "data", entry]);
    let category = "harness::tally:command";
    add(&format!(r#"{{"positions":[1,2,3,9],"stream_category":"{category}","first_id":"other"}}"#));
    add(r#"{"positions":[1],"stream_category":"harness::tally","first_id":"other"}"#);
    add(r#"{"positions":["first"]}"#);
    harness.drain().await;
    // The entry of another database stays for its owner.
    harness.serve_until(async || lengths(&harness) == 1).await;
    is_exact(&harness, 2).await;
    let left = harness.redis().command(&["XRANGE", COMMANDS, "-", "+"]);
    assert!(left.contains("other"), "{left}");
    let dlq = entries(&harness, &format!("{COMMANDS}:dlq"));
    assert_eq!(dlq.matches("_dlq_metadata").count(), 2, "{dlq}");
}

crate::on! { Streams in streams, Production in production: {
    an_entry_stands_for_many_messages_and_the_streams_drain
    a_half_settled_entry_is_finished_by_another_process_and_then_goes
    servers_that_die_amid_entries_lose_nothing_and_repeat_nothing
} }

crate::on! { Streams in streams_alone: {
    a_stream_that_another_system_reads_has_whole_messages
    entries_hold_messages_where_the_settings_say_so
    an_entry_that_is_damaged_or_of_another_database_stops_nobody
} }
