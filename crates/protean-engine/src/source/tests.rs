use std::sync::Arc;
use std::time::Duration;

use protean_port::message::{
    Category, Extensions, Kind, Lane, Message, Priority, Recorded, Timestamp,
};
use protean_port::port::{Delivery, EntryId, EntryRef};

use super::BrokerSource;
use crate::source::fetched::Fetched;

const LEASE: Duration = Duration::from_secs(30);

fn feed() -> BrokerSource {
    BrokerSource {
        lane: Lane::Primary,
        group: "d.H".into(),
        consumer: "h-1".into(),
        streams: Arc::from([Arc::from("c")]),
        page: 10,
        wait: Duration::from_secs(5),
        lease: LEASE,
        reading: false,
        has_read: false,
        held: Default::default(),
        done: Vec::new(),
        settling: false,
        hold_at: Duration::ZERO,
        holding: false,
        look_at: Duration::ZERO,
        looking: false,
    }
}

fn entry(id: &str) -> EntryRef {
    EntryRef { stream: "c".into(), id: EntryId::new(id) }
}

fn delivery(position: u64) -> Delivery {
    let message = Message {
        id: Arc::from("m"),
        stream: Category::named("c").stream(&"1".into()),
        kind: Kind::Event,
        type_name: Arc::from("C.E.v1"),
        version: 1,
        priority: Priority::NORMAL,
        correlation_id: Arc::from("m"),
        causation_id: None,
        time: Timestamp::default(),
        data: Arc::from("{}"),
        extensions: Extensions::default(),
    };
    let recorded = Recorded { position, stream_position: 0, message };
    Delivery { recorded, next: 0, attempts: 0, parked: false }
}

/// Takes in one message, which comes with this entry.
fn arrive(feed: &mut BrokerSource, position: u64, id: &str, at: Duration) -> usize {
    let deliveries = vec![(entry(id), delivery(position))];
    feed.take_in(Fetched { deliveries, done: Vec::new() }, at).len()
}

#[test]
fn one_read_at_a_time_while_there_is_room() {
    let mut feed = feed();
    assert!(feed.next_read(10, 10).is_none(), "enough can run");
    assert!(feed.next_read(0, 10_000).is_none(), "too much waits for its stream");
    assert_eq!(feed.next_read(9, 9).unwrap().wait, Some(Duration::from_secs(5)));
    assert!(feed.next_read(0, 0).is_none(), "it reads");
    feed.read();
    assert!(feed.next_read(0, 0).is_some());
}

#[test]
fn a_message_that_comes_twice_runs_once_and_settles_both_entries() {
    let mut feed = feed();
    assert_eq!(arrive(&mut feed, 7, "1-0", Duration::ZERO), 1);
    assert_eq!(arrive(&mut feed, 7, "2-0", Duration::ZERO), 0, "it is in memory");
    assert!(feed.next_settle().is_none(), "nothing of it is durable");
    feed.durable(7);
    assert_eq!(feed.next_settle().unwrap(), [entry("1-0"), entry("2-0")]);
}

#[test]
fn what_could_not_be_settled_is_settled_again() {
    let mut feed = feed();
    let done = vec![entry("1-0")];
    feed.take_in(Fetched { deliveries: Vec::new(), done: done.clone() }, Duration::ZERO);
    let sent = feed.next_settle().unwrap();
    assert!(feed.next_settle().is_none(), "one at a time");
    feed.settled(sent);
    assert_eq!(feed.next_settle().unwrap(), done);
}

#[test]
fn what_is_in_memory_is_held_well_before_its_lease_ends() {
    let mut feed = feed();
    let second = Duration::from_secs(1);
    assert!(feed.next_hold(100 * second).is_none(), "nothing is in memory");
    arrive(&mut feed, 7, "1-0", 100 * second);
    assert_eq!(feed.due(false), Some(110 * second));
    assert!(feed.next_hold(109 * second).is_none());
    assert_eq!(feed.next_hold(110 * second).unwrap(), [entry("1-0")]);
    assert_eq!((feed.due(false), feed.next_hold(130 * second)), (None, None), "it is at it");
    feed.held();
    assert_eq!(feed.due(false), Some(120 * second));
    feed.durable(7);
    assert_eq!(feed.due(false), None);
}

#[test]
fn what_dead_workers_left_is_looked_for_every_second_by_who_takes_over() {
    let mut feed = feed();
    let second = Duration::from_secs(1);
    assert_eq!(feed.next_look(Duration::ZERO).unwrap().idle, LEASE);
    assert!(feed.next_look(5 * second).is_none(), "it looks");
    feed.looked();
    assert_eq!((feed.due(true), feed.due(false)), (Some(second), None));
    assert!(feed.next_look(second / 2).is_none());
    assert!(feed.next_look(second).is_some());
}

#[test]
fn what_was_not_handled_is_given_back_and_what_is_doubtful_is_not_settled() {
    let mut feed = feed();
    assert!(feed.last_read().is_none(), "it has never read");
    feed.next_read(0, 0);
    assert_eq!(feed.last_read().unwrap().wait, None);
    arrive(&mut feed, 7, "1-0", Duration::ZERO);
    arrive(&mut feed, 8, "2-0", Duration::ZERO);
    assert_eq!(feed.reconsider(7), [entry("1-0")]);
    feed.durable(7);
    assert!(feed.next_settle().is_none());
    assert_eq!(feed.leave(), [entry("2-0")]);
}
