//! Which message of a lane starts, and that none waits for nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof};
use proptest::{prop_assert, proptest};
use protean_port::message::{Lane, Priority, Timestamp};

use super::{Item, Lanes};
use crate::worker::slots::Demand;

fn item(stream: &str, position: u64, lane: Lane) -> Item<u64> {
    let priority = if lane == Lane::Primary { Priority::NORMAL } else { Priority::BULK };
    let time = Timestamp::from_micros(position.cast_signed());
    Item { lane, priority, position, time, stream: Arc::from(stream), message: position }
}

fn lanes() -> Lanes<u64> {
    lanes_with(None)
}

fn lanes_with(aging: Option<Duration>) -> Lanes<u64> {
    let mut lanes = Lanes::new(&Lane::ALL, aging);
    lanes.put_first(Priority::NORMAL, &Arc::from("a"), 3);
    lanes
}

fn started(lanes: &mut Lanes<u64>) -> Vec<u64> {
    let start = || lanes.start(Timestamp::default(), first_wanted);
    std::iter::from_fn(start).map(|started| started.item.position).collect()
}

fn first_wanted(demand: Demand) -> Option<Lane> {
    Lane::ALL.into_iter().find(|lane| demand.wants(*lane))
}

#[test]
fn no_message_of_its_priority_overtakes_one_put_first_in_a_stream() {
    for lane in Lane::ALL {
        for aging in [None, Some(Duration::ZERO)] {
            none_overtakes_the_first(lane, lanes_with(aging));
        }
    }
}

fn none_overtakes_the_first(lane: Lane, mut lanes: Lanes<u64>) {
    if lane == Lane::Backfill {
        lanes.let_past("a", 3);
        lanes.put_first(Priority::BULK, &Arc::from("a"), 3);
    }
    for at in [5, 6] {
        lanes.offer(item("a", at, lane));
    }
    lanes.offer(item("b", 7, lane));
    assert_eq!(started(&mut lanes), [7], "the first one has not come yet");
    lanes.offer(item("a", 3, lane));
    assert_eq!(started(&mut lanes), [3]);
    lanes.returned("a");
    assert!(started(&mut lanes).is_empty(), "it is not settled yet");
    lanes.let_past("a", 3);
    assert_eq!(started(&mut lanes), [5]);
    lanes.returned("a");
    assert_eq!(started(&mut lanes), [6]);
}

#[test]
fn earlier_messages_and_those_of_another_priority_do_not_wait() {
    let mut lanes = lanes();
    lanes.offer(item("a", 2, Lane::Primary));
    assert_eq!(started(&mut lanes), [2]);
    lanes.returned("a");
    lanes.offer(item("a", 4, Lane::Backfill));
    assert_eq!(started(&mut lanes), [4]);
}

#[test]
fn what_is_taken_back_does_not_run_and_what_waited_behind_it_does() {
    let mut lanes = Lanes::new(&Lane::ALL, None);
    for at in [1, 2, 3, 4] {
        lanes.offer(item("a", at, Lane::Primary));
    }
    assert_eq!(started(&mut lanes), [1]);
    // 2 is woken, 3 and 4 wait for their stream.
    lanes.returned("a");
    let back = lanes.take_back(|at| [2, 4].contains(at));
    assert_eq!(Vec::from_iter(back.iter().map(|item| item.position)), [4, 2]);
    assert_eq!(lanes.len(Lane::Primary), 1);
    assert_eq!(started(&mut lanes), [3]);
    assert_eq!(lanes.len(Lane::Primary), 0);
}

#[test]
fn behind_one_put_first_those_of_other_priorities_do_not_wait() {
    let mut lanes = lanes();
    lanes.put_first(Priority::HIGH, &Arc::from("a"), 4);
    lanes.offer(item("a", 1, Lane::Primary));
    assert_eq!(started(&mut lanes), [1]);
    // While their stream runs these wait for that, in this order.
    lanes.offer(Item { priority: Priority::HIGH, ..item("a", 5, Lane::Primary) });
    lanes.offer(Item { priority: Priority::HIGH, ..item("a", 6, Lane::Primary) });
    lanes.offer(item("a", 2, Lane::Primary));
    assert!(started(&mut lanes).is_empty());
    lanes.returned("a");
    assert_eq!(started(&mut lanes), [2], "only 5 and 6 are behind 4");
    lanes.returned("a");
    lanes.let_past("a", 4);
    assert_eq!(started(&mut lanes), [5]);
    lanes.returned("a");
    assert_eq!(started(&mut lanes), [6]);
}

#[test]
fn old_backfill_takes_turns_with_production() {
    let mut lanes = Lanes::new(&Lane::ALL, Some(Duration::from_micros(10)));
    for (at, lane) in [(1, Lane::Backfill), (2, Lane::Backfill), (5, Lane::Backfill)] {
        lanes.offer(item(&format!("b{at}"), at, lane));
    }
    for at in 11..15 {
        lanes.offer(item(&format!("p{at}"), at, Lane::Primary));
    }
    let mut start = |now| {
        let now = Timestamp::from_micros(now);
        lanes.start(now, first_wanted).map(|started| (started.item.position, started.slot))
    };
    assert_eq!(start(10), Some((11, Lane::Primary)), "none is old enough");
    let turns: Vec<_> = std::iter::from_fn(|| start(14)).collect();
    let of = |slot: Lane, positions: &[u64]| Vec::from_iter(positions.iter().map(|at| (*at, slot)));
    let (competing, last) = (of(Lane::Primary, &[1, 12, 2, 13, 14]), of(Lane::Backfill, &[5]));
    assert_eq!(turns, [competing, last].concat());
}

#[test]
fn knows_which_messages_of_a_stream_are_still_to_run_before() {
    let mut lanes = lanes();
    let before = |lanes: &Lanes<u64>| lanes.has_before(Priority::NORMAL, "a", 3);
    lanes.offer(item("a", 2, Lane::Primary));
    assert!(before(&lanes), "it is ready");
    assert_eq!(started(&mut lanes), [2]);
    assert!(before(&lanes), "it runs");
    lanes.returned("a");
    lanes.offer(item("a", 5, Lane::Primary));
    lanes.offer(item("b", 1, Lane::Primary));
    assert!(!before(&lanes), "one is later, one of another stream");
}

/// What happens to the message at a place in the history.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// It is read from the log, or found parked.
    Offer(usize),
    PutFirst(usize),
    LetPast(usize),
    Start,
    /// The message that started first returns; its unit is not committed yet.
    Return,
    /// The first of these units ends.
    EndUnit,
}

const STREAMS: [&str; 2] = ["a", "b"];
const PRIORITIES: [Priority; 3] = [Priority::BULK, Priority::NORMAL, Priority::HIGH];

/// A scheduler with the messages of a history, by their positions.
struct Play {
    messages: Vec<Item<u64>>,
    lanes: Lanes<u64>,
    first: BTreeSet<usize>,
    running: Vec<Item<u64>>,
    ran: Vec<Item<u64>>,
}

impl Play {
    fn new(messages: &[(usize, usize)]) -> Self {
        let message = |(at, (stream, priority)): (usize, &(usize, usize))| {
            let lane = if *priority == 0 { Lane::Backfill } else { Lane::Primary };
            Item { priority: PRIORITIES[*priority], ..item(STREAMS[*stream], at as u64, lane) }
        };
        Self {
            messages: messages.iter().enumerate().map(message).collect(),
            lanes: Lanes::new(&Lane::ALL, None),
            first: BTreeSet::new(),
            running: Vec::new(),
            ran: Vec::new(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Offer(at) => self.lanes.offer(self.messages[at].clone()),
            Step::PutFirst(at) => {
                let Item { priority, stream, position, .. } = &self.messages[at];
                self.lanes.put_first(*priority, stream, *position);
                self.first.insert(at);
            }
            Step::LetPast(at) => {
                self.first.remove(&at);
                self.lanes.let_past(&self.messages[at].stream, at as u64);
            }
            Step::Start => {
                let started = self.lanes.start(Timestamp::default(), first_wanted);
                self.running.extend(started.map(|started| started.item));
            }
            Step::Return if !self.running.is_empty() => {
                let item = self.running.remove(0);
                self.lanes.returned(&item.stream);
                self.lanes.ran(&item.stream, item.lane, item.position, None);
                self.ran.push(item);
            }
            Step::EndUnit if !self.ran.is_empty() => {
                let item = self.ran.remove(0);
                self.lanes.unit_ended(&item.stream, item.lane, item.position, true);
            }
            Step::Return | Step::EndUnit => {}
        }
    }

    /// True when an earlier message of its stream and priority goes first.
    fn is_behind(&self, item: &Item<u64>) -> bool {
        let is_before = |at: &usize| {
            let first = &self.messages[*at];
            (*at as u64) < item.position
                && first.stream == item.stream
                && first.priority == item.priority
        };
        self.first.iter().all(|at| *at as u64 != item.position) && self.first.iter().any(is_before)
    }

    /// Runs what can run, and gives what is left.
    fn drain(&mut self) -> Vec<Item<u64>> {
        loop {
            self.take(Step::Start);
            if self.running.is_empty() && self.ran.is_empty() {
                return self.lanes.take_back(|_| true);
            }
            self.take(Step::Return);
            self.take(Step::EndUnit);
        }
    }
}

fn steps(messages: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..messages).prop_map(Step::Offer),
        1 => (0..messages).prop_map(Step::PutFirst),
        1 => (0..messages).prop_map(Step::LetPast),
        4 => Just(Step::Start),
        3 => Just(Step::Return),
        3 => Just(Step::EndUnit),
    ];
    vec(step, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2048) })]

    #[test]
    fn whatever_happens_all_that_is_not_behind_another_runs(
        messages in vec((0..STREAMS.len(), 0..PRIORITIES.len()), 8),
        steps in steps(8),
    ) {
        let mut play = Play::new(&messages);
        for step in steps {
            let running = play.running.len();
            play.take(step);
            if let Some(started) = play.running.get(running) {
                prop_assert!(!play.is_behind(started), "{started:?} overtakes {:?}", play.first);
            }
        }
        for left in play.drain() {
            prop_assert!(play.is_behind(&left), "{left:?} never starts, first: {:?}", play.first);
        }
    }
}
