//! Every way in which the messages of one stream can start, run and be committed.

use std::collections::HashSet;
use std::sync::Arc;

use protean_port::message::Lane;

use super::{REMEMBERED_STREAMS, Uncommitted, WaitsFor};

const STREAM: &str = "s";

fn add(uncommitted: &mut Uncommitted, lane: Lane, position: u64) {
    uncommitted.add(&Arc::from(STREAM), lane, position, Some(position + 1), HashSet::new);
}

fn ask(uncommitted: &mut Uncommitted, lane: Lane, position: u64) -> WaitsFor {
    uncommitted.ask(STREAM, lane, position)
}

#[test]
fn a_stream_is_of_the_lane_with_its_uncommitted_units() {
    for (lane, other) in [(Lane::Primary, Lane::Backfill), (Lane::Backfill, Lane::Primary)] {
        let mut uncommitted = Uncommitted::default();
        [5, 6].into_iter().for_each(|position| add(&mut uncommitted, lane, position));
        assert_eq!(ask(&mut uncommitted, lane, 7), WaitsFor::Nothing);
        assert_eq!(ask(&mut uncommitted, other, 7), WaitsFor::Stream);
        assert_eq!(ask(&mut uncommitted, other, 4), WaitsFor::Nothing, "it was settled before");
        assert_eq!(uncommitted.ask("another", other, 8), WaitsFor::Nothing);
        assert!(!uncommitted.end(STREAM, lane, 5, true), "there is another unit");
        assert_eq!(ask(&mut uncommitted, other, 7), WaitsFor::Stream);
        assert!(uncommitted.end(STREAM, lane, 6, true));
        assert_eq!(ask(&mut uncommitted, other, 7), WaitsFor::Nothing);
    }
}

#[test]
fn a_copy_of_a_message_that_has_run_waits_for_its_unit_in_each_lane() {
    for (lane, other) in [(Lane::Primary, Lane::Backfill), (Lane::Backfill, Lane::Primary)] {
        let mut uncommitted = Uncommitted::default();
        add(&mut uncommitted, lane, 5);
        assert_eq!(ask(&mut uncommitted, lane, 5), WaitsFor::Message(5));
        assert_eq!(ask(&mut uncommitted, other, 5), WaitsFor::Message(5));
        assert_eq!(uncommitted.has_wanted(), lane == Lane::Backfill);
    }
}

#[test]
fn nothing_starts_in_a_stream_of_backfill_that_production_wants() {
    let mut uncommitted = Uncommitted::default();
    add(&mut uncommitted, Lane::Backfill, 5);
    assert_eq!(ask(&mut uncommitted, Lane::Backfill, 6), WaitsFor::Nothing);
    assert!(!uncommitted.has_wanted());
    assert_eq!(ask(&mut uncommitted, Lane::Primary, 7), WaitsFor::Stream);
    assert!(uncommitted.has_wanted() && uncommitted.is_wanted(STREAM));
    assert_eq!(ask(&mut uncommitted, Lane::Backfill, 6), WaitsFor::Stream);
    assert!(uncommitted.end(STREAM, Lane::Backfill, 5, true));
    assert!(!uncommitted.has_wanted());
    for lane in Lane::ALL {
        assert_eq!(ask(&mut uncommitted, lane, 6), WaitsFor::Nothing);
    }
}

#[test]
fn what_is_expected_is_remembered_while_a_message_of_the_stream_is_in_memory() {
    let mut uncommitted = Uncommitted::default();
    let mut expect = |name: &str, next| {
        let stream = Arc::from(name);
        uncommitted.add(&stream, Lane::Primary, next, Some(next), || HashSet::from(["here"]));
        uncommitted.end(name, Lane::Primary, next, true);
    };
    expect("here", 3);
    expect("gone", 4);
    for number in 0..2 * REMEMBERED_STREAMS {
        expect(&number.to_string(), 1);
    }
    let last = (2 * REMEMBERED_STREAMS - 1).to_string();
    let known = ["here", "gone", &last].map(|name| uncommitted.expected(name));
    assert_eq!(known, [3, 0, 1]);
}

#[test]
fn when_a_unit_is_left_out_the_group_expects_its_message_at_most() {
    let mut uncommitted = Uncommitted::default();
    (5..9).for_each(|position| add(&mut uncommitted, Lane::Primary, position));
    assert_eq!(uncommitted.expected(STREAM), 9);
    uncommitted.end(STREAM, Lane::Primary, 7, false);
    assert_eq!(uncommitted.expected(STREAM), 7, "5 and 6 may be committed, 8 is not going to be");
    uncommitted.end(STREAM, Lane::Primary, 5, true);
    uncommitted.end(STREAM, Lane::Primary, 6, false);
    assert_eq!(uncommitted.expected(STREAM), 6);
    uncommitted.end(STREAM, Lane::Primary, 8, false);
    assert_eq!(uncommitted.expected(STREAM), 6);
}

/// The messages of one stream, all of which were read before the first one ran. Positions in
/// the log and in the stream are the same.
#[derive(Clone, Debug)]
struct World {
    lanes: Vec<Lane>,
    uncommitted: Uncommitted,
    /// The copies of each message that have not started: what was next when each was read.
    copies: Vec<Vec<u64>>,
    running: Option<Running>,
    /// The units of each lane that wait for a commit, and those in one.
    open: [Vec<u64>; 2],
    sent: [Vec<u64>; 2],
    /// The position that the store says is next.
    next: u64,
    runs: Vec<u8>,
    /// How often a unit was left out because another writer came first, and how many may be.
    faults: u8,
    left_out: Vec<u8>,
}

/// A message that runs in the turn of a copy, which is its own or one of a later message.
#[derive(Clone, Copy, Debug)]
struct Running {
    position: u64,
    lane: Lane,
    turn: u64,
    read_next: u64,
}

/// What may happen.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A copy of a message at this position, the last of those there are.
    Start(u64),
    RunEnds,
    Send(Lane),
    CommitEnds(Lane),
    /// The first unit of the commit is left out.
    IsLeftOut(Lane),
}

impl World {
    fn new(lanes: Vec<Lane>, faults: u8) -> Self {
        let messages = lanes.len();
        Self {
            lanes,
            uncommitted: Uncommitted::default(),
            copies: vec![vec![0]; messages],
            running: None,
            open: Default::default(),
            sent: Default::default(),
            next: 0,
            runs: vec![0; messages],
            faults,
            left_out: vec![0; messages],
        }
    }

    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for (position, copies) in (0..).zip(&self.copies) {
            let lane = self.lanes[place(position)];
            let may = ask(&mut self.uncommitted.clone(), lane, position) == WaitsFor::Nothing;
            if !copies.is_empty() && may && self.running.is_none() {
                steps.push(Step::Start(position));
            }
        }
        steps.extend(self.running.map(|_| Step::RunEnds));
        for lane in Lane::ALL {
            let (open, sent) = (&self.open[lane as usize], &self.sent[lane as usize]);
            if sent.is_empty() && !open.is_empty() {
                steps.push(Step::Send(lane));
            }
            if !sent.is_empty() {
                steps.push(Step::CommitEnds(lane));
                steps.extend((self.faults > 0).then_some(Step::IsLeftOut(lane)));
            }
        }
        steps
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Start(position) => self.start(position),
            Step::RunEnds => self.end_run(),
            Step::Send(lane) => {
                self.sent[lane as usize] = std::mem::take(&mut self.open[lane as usize]);
            }
            Step::CommitEnds(lane) => self.end_commit(lane),
            Step::IsLeftOut(lane) => {
                self.faults -= 1;
                let position = self.sent[lane as usize].remove(0);
                self.leave_out(lane, position);
                self.end_commit(lane);
            }
        }
        // Whatever waits is looked at.
        for (position, copies) in (0..).zip(&self.copies) {
            if !copies.is_empty() && self.running.is_none() {
                ask(&mut self.uncommitted, self.lanes[place(position)], position);
            }
        }
    }

    /// As the worker does it: from memory when the message is next, else it asks the store.
    fn start(&mut self, position: u64) {
        let lane = self.lanes[place(position)];
        let expected = self.uncommitted.expected(STREAM);
        let Some(read_next) = self.copies[place(position)].pop() else { return };
        let is_next = expected.max(read_next) == position;
        if !is_next && self.next > position {
            // A duplicate.
            return;
        }
        let first = match is_next {
            true => position,
            false => position.min(self.next.max(expected)),
        };
        let is_behind = |lane: Lane| {
            let mut units = self.open[lane as usize].iter().chain(&self.sent[lane as usize]);
            units.any(|unit| *unit < first)
        };
        let [primary, backfill] = Lane::ALL.map(is_behind);
        let is_wanted = self.uncommitted.is_wanted(STREAM);
        match lane {
            Lane::Primary => assert!(!backfill, "{self:?}"),
            Lane::Backfill => assert!(!(primary || is_wanted && backfill), "{self:?}"),
        }
        self.running = Some(Running { position: first, lane, turn: position, read_next });
    }

    fn end_run(&mut self) {
        let Some(Running { position, lane, turn, read_next }) = self.running.take() else { return };
        self.runs[place(position)] += 1;
        add(&mut self.uncommitted, lane, position);
        self.open[lane as usize].push(position);
        if turn != position {
            self.copies[place(turn)].push(read_next);
        }
    }

    /// A unit that does not move the group on by one is left out.
    fn end_commit(&mut self, lane: Lane) {
        for position in std::mem::take(&mut self.sent[lane as usize]) {
            if position == self.next {
                self.next += 1;
                self.uncommitted.end(STREAM, lane, position, true);
            } else {
                self.leave_out(lane, position);
            }
        }
    }

    /// The message is read again.
    fn leave_out(&mut self, lane: Lane, position: u64) {
        self.uncommitted.end(STREAM, lane, position, false);
        self.left_out[place(position)] += 1;
        self.copies[place(position)].push(self.next);
    }

    /// What tells one moment from another, for those after it.
    fn moment(&self) -> String {
        let Self { uncommitted, copies, running, open, sent, next, runs, faults, left_out, .. } =
            self;
        format!(
            "{uncommitted:?} {copies:?} {running:?} {open:?} {sent:?} {next} {runs:?} \
             {faults} {left_out:?}"
        )
    }
}

fn place(position: u64) -> usize {
    usize::try_from(position).unwrap()
}

/// Follows every way on from here; gives how many moments there are.
fn explore(world: World) -> usize {
    let is_calm = world.faults == 0;
    let (mut seen, mut ahead) = (HashSet::new(), vec![world]);
    while let Some(world) = ahead.pop() {
        // A message that starts over and over before the one before it is left out each time.
        let goes_in_circles = world.left_out.iter().any(|left_out| *left_out > 2);
        if goes_in_circles || !seen.insert(world.moment()) {
            continue;
        }
        let steps = world.steps();
        if steps.is_empty() {
            assert_eq!(place(world.next), world.lanes.len(), "something waits for ever: {world:?}");
            let expected = world.left_out.iter().map(|left_out| left_out + 1);
            assert_eq!(world.runs, Vec::from_iter(expected), "{world:?}");
            assert!(!is_calm || world.runs.iter().all(|runs| *runs == 1), "{world:?}");
        }
        ahead.extend(steps.into_iter().map(|step| {
            let mut next = world.clone();
            next.take(step);
            next
        }));
    }
    seen.len()
}

/// Every way to give so many messages a lane.
fn mixtures(messages: u32) -> impl Iterator<Item = Vec<Lane>> {
    let lane = |bits: u32, place: u32| Lane::ALL[place_of(bits >> place & 1)];
    (0..2_u32.pow(messages)).map(move |bits| (0..messages).map(|at| lane(bits, at)).collect())
}

fn place_of(bit: u32) -> usize {
    usize::try_from(bit).unwrap()
}

#[test]
fn each_message_runs_once_however_the_lanes_take_turns() {
    let moments: usize = mixtures(5).map(|lanes| explore(World::new(lanes, 0))).sum();
    assert!(moments > 10_000, "{moments}");
}

#[test]
fn a_message_runs_once_more_each_time_its_unit_is_left_out() {
    for lanes in mixtures(3) {
        explore(World::new(lanes, 2));
    }
}
