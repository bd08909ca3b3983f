use std::sync::Arc;
use std::time::Duration;

use protean_port::message::Lane;
use protean_port::port::{EntryId, EntryRef};

use super::{BrokerSource, MAX_DONE_ENTRIES, SETTLE_DELAY};
use crate::sample::delivery;
use crate::source::broker_reader::{Fetched, FetchedEntry, Reconsidered};
use crate::source::page_size::PageSize;

const NOW: Duration = Duration::ZERO;
const LEASE: Duration = Duration::from_secs(30);

fn source() -> BrokerSource {
    BrokerSource {
        lane: Lane::Primary,
        group: "d.H".into(),
        consumer: "h-1".into(),
        streams: Arc::from([Arc::from("c")]),
        page: PageSize::new(10),
        wait: Duration::from_secs(5),
        lease: LEASE,
        ..BrokerSource::default()
    }
}

fn entry(id: &str) -> EntryRef {
    EntryRef { stream: "c".into(), id: EntryId::new(id) }
}

/// An entry that stands for messages of which these are to be handled.
fn fetched(id: &str, places: usize, open: &[u64]) -> Fetched {
    let messages = open.iter().map(|position| delivery(*position)).collect();
    let entries = vec![FetchedEntry { at: entry(id), places: Some(places), messages }];
    Fetched { entries, ..Fetched::default() }
}

/// Takes in one message, which comes with this entry.
fn fetch(source: &mut BrokerSource, position: u64, id: &str, at: Duration) -> usize {
    source.take_in(fetched(id, 1, &[position]), at).len()
}

#[test]
fn one_read_at_a_time_while_there_is_room() {
    let mut source = source();
    assert!(source.next_read(10, 10, NOW).is_none(), "enough can run");
    assert!(source.next_read(0, 10_000, NOW).is_none(), "too much waits for its stream");
    assert_eq!(source.next_read(9, 9, NOW).unwrap().wait, Some(Duration::from_secs(5)));
    assert!(source.next_read(0, 0, NOW).is_none(), "a read is under way");
    source.read(&fetched("1-0", 1, &[7]));
    assert!(source.next_read(0, 0, NOW).is_some());
}

#[test]
fn a_message_that_comes_twice_runs_once_and_settles_both_entries() {
    let mut source = source();
    assert_eq!(fetch(&mut source, 7, "1-0", Duration::ZERO), 1);
    assert_eq!(fetch(&mut source, 7, "2-0", Duration::ZERO), 0, "it is in memory");
    assert!(source.settle_done().is_none(), "nothing of it is durable");
    source.durable(7);
    assert_eq!(source.settle_done().unwrap(), [entry("1-0"), entry("2-0")]);
}

#[test]
fn entries_of_production_wait_for_others_and_are_settled_with_them() {
    let mut source = source();
    let ms = Duration::from_millis;
    for (position, id) in [(7, "1-0"), (8, "2-0")] {
        fetch(&mut source, position, id, NOW);
    }
    source.durable(7);
    assert!(source.next_settle(ms(10)).is_none());
    assert_eq!(source.due(false), Some(ms(10) + SETTLE_DELAY));
    source.durable(8);
    assert!(source.next_settle(ms(9) + SETTLE_DELAY).is_none(), "the first has waited 49 ms");
    let both = source.next_settle(ms(10) + SETTLE_DELAY).unwrap();
    assert_eq!(both, [entry("1-0"), entry("2-0")]);
    source.settled(Vec::new());
    assert_eq!((source.due(false), source.next_settle(ms(100))), (None, None));
}

#[test]
fn many_entries_and_those_of_bulk_work_wait_for_nothing() {
    let mut many = source();
    for position in 1..=MAX_DONE_ENTRIES as u64 {
        assert!(many.next_settle(NOW).is_none());
        fetch(&mut many, position, &format!("{position}-0"), NOW);
        many.durable(position);
    }
    assert_eq!(many.next_settle(NOW).unwrap().len(), MAX_DONE_ENTRIES);
    let mut bulk = BrokerSource { lane: Lane::Backfill, ..source() };
    fetch(&mut bulk, 7, "1-0", NOW);
    bulk.durable(7);
    assert_eq!(bulk.next_settle(NOW).unwrap(), [entry("1-0")]);
}

#[test]
fn what_could_not_be_settled_is_settled_again() {
    let mut source = source();
    let done = vec![entry("1-0")];
    source.take_in(fetched("1-0", 1, &[]), Duration::ZERO);
    let sent = source.settle_done().unwrap();
    assert!(source.settle_done().is_none(), "one at a time");
    source.settled(sent);
    assert_eq!(source.settle_done().unwrap(), done);
}

#[test]
fn what_is_in_memory_is_held_well_before_its_lease_ends() {
    let mut source = source();
    let second = Duration::from_secs(1);
    assert!(source.next_hold(100 * second).is_none(), "nothing is in memory");
    fetch(&mut source, 7, "1-0", 100 * second);
    assert_eq!(source.due(false), Some(110 * second));
    assert!(source.next_hold(109 * second).is_none());
    assert_eq!(source.next_hold(110 * second).unwrap(), [entry("1-0")]);
    assert_eq!(
        (source.due(false), source.next_hold(130 * second)),
        (None, None),
        "a renewal is under way"
    );
    source.held();
    assert_eq!(source.due(false), Some(120 * second));
    source.durable(7);
    assert_eq!(source.due(false), None);
}

#[test]
fn what_dead_workers_left_is_looked_for_every_second_by_the_leader() {
    let mut source = source();
    let second = Duration::from_secs(1);
    assert_eq!(source.next_take_over(Duration::ZERO).unwrap().idle, LEASE);
    assert!(source.next_take_over(5 * second).is_none(), "a search is under way");
    source.taken_over();
    assert_eq!((source.due(true), source.due(false)), (Some(second), None));
    assert!(source.next_take_over(second / 2).is_none());
    assert!(source.next_take_over(second).is_some());
}

#[test]
fn what_was_not_handled_is_given_back_and_what_is_doubtful_is_not_settled() {
    let mut source = source();
    assert!(source.last_read().is_none(), "nothing was ever read");
    source.next_read(0, 0, NOW);
    assert_eq!(source.last_read().unwrap().wait, None);
    fetch(&mut source, 7, "1-0", Duration::ZERO);
    fetch(&mut source, 8, "2-0", Duration::ZERO);
    assert_eq!(source.reconsider(7), [entry("1-0")]);
    source.durable(7);
    assert!(source.settle_done().is_none());
    assert!(source.reconsidered(vec![entry("1-0")], Reconsidered::Unknown).is_none());
    let unknown = vec![entry("9-0")];
    source.take_in(Fetched { unknown, ..Fetched::default() }, NOW);
    let mut left = source.leave();
    left.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
    assert_eq!(left, [entry("1-0"), entry("2-0"), entry("9-0")]);
}

#[test]
fn an_entry_of_several_messages_is_settled_when_all_of_them_are_durable() {
    let mut source = source();
    let fresh = source.take_in(fetched("1-0", 4, &[7, 8, 9]), NOW);
    assert_eq!(fresh.len(), 3, "one of four was settled before");
    source.durable(8);
    source.durable(7);
    source.durable(8);
    assert!(source.settle_done().is_none(), "one is open");
    assert_eq!(source.next_hold(LEASE).unwrap(), [entry("1-0")], "once for all its messages");
    source.durable(9);
    assert_eq!(source.settle_done().unwrap(), [entry("1-0")]);
    assert!(source.leave().is_empty());
}

#[test]
fn an_entry_that_comes_again_is_settled_once_when_the_rest_of_it_is_durable() {
    let mut source = source();
    source.take_in(fetched("1-0", 3, &[7, 8, 9]), NOW);
    source.durable(7);
    assert!(source.take_in(fetched("1-0", 3, &[8, 9]), NOW).is_empty(), "they are in memory");
    source.durable(8);
    assert!(source.settle_done().is_none());
    source.durable(9);
    assert_eq!(source.settle_done().unwrap(), [entry("1-0")]);
}

#[test]
fn a_message_that_was_looked_up_again_runs_or_counts_as_settled() {
    let mut source = source();
    source.take_in(fetched("1-0", 2, &[7, 8]), NOW);
    let entries = source.reconsider(7);
    let open = Reconsidered::Open(Box::new(delivery(7)));
    assert!(source.reconsidered(entries, open).is_some());
    let entries = source.reconsider(8);
    assert!(source.reconsidered(entries, Reconsidered::Settled).is_none());
    assert!(source.settle_done().is_none(), "the first is open");
    source.durable(7);
    assert_eq!(source.settle_done().unwrap(), [entry("1-0")]);
}

#[test]
fn a_message_that_comes_again_while_it_is_looked_up_runs_once() {
    let mut source = source();
    source.take_in(fetched("1-0", 1, &[7]), NOW);
    let entries = source.reconsider(7);
    assert_eq!(source.take_in(fetched("1-0", 1, &[7]), NOW).len(), 1);
    let open = Reconsidered::Open(Box::new(delivery(7)));
    assert!(source.reconsidered(entries, open).is_none(), "it is in memory");
    source.durable(7);
    assert_eq!(source.settle_done().unwrap(), [entry("1-0")]);
}

#[test]
fn as_many_entries_are_read_as_bring_a_page_but_not_all_there_are() {
    let mut source = BrokerSource { per_entry: Some(256), page: PageSize::new(40), ..source() };
    assert_eq!(source.next_read(0, 0, NOW).unwrap().limit, 1, "they may be large");
    assert_eq!(source.next_take_over(NOW).unwrap().limit, 32, "the next is a second away");
    source.read(&fetched("1-0", 10, &[7]));
    assert_eq!(source.next_read(0, 0, NOW).unwrap().limit, 4);
    source.read(&Fetched::default());
    assert_eq!(source.next_read(0, 0, NOW).unwrap().limit, 4, "nothing says how large they are");
    source.read(&fetched("2-0", 1, &[8]));
    assert_eq!(source.next_read(0, 0, NOW).unwrap().limit, 8, "the next may be large");
    let entries = vec![FetchedEntry { at: entry("3-0"), places: None, messages: Vec::new() }];
    source.read(&Fetched { entries, ..Fetched::default() });
    assert_eq!(source.next_read(0, 0, NOW).unwrap().limit, 40, "they are messages");
}
