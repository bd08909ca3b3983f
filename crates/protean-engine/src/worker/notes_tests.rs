//! Whatever begins, ends, fails or changes hands, and in whatever order: a message runs once
//! the store has a note of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use protean_port::message::Lane;
use protean_port::port::{BoxFuture, Claim};
use protean_port::{Error, Result};

use crate::worker::in_flight::{InFlight, Note};

/// A claim whose notes stay on their way until the test answers them.
#[derive(Clone, Default)]
struct SlowClaim {
    left: Vec<u64>,
    sent: Arc<Mutex<Vec<Vec<u64>>>>,
}

impl Claim for SlowClaim {
    fn left(&self) -> &[u64] {
        &self.left
    }

    fn lost(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn note(&self, positions: &[u64]) -> BoxFuture<'static, Result> {
        self.sent.lock().unwrap().push(positions.to_vec());
        Box::pin(std::future::pending())
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Begin,
    /// A message ends, of those that run.
    End(usize),
    /// The store takes the note that is on its way; its answer comes later.
    Arrive,
    Answer,
    Fail,
    Lose,
    Win,
    Stop,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Begin),
        4 => any::<usize>().prop_map(Step::End),
        2 => Just(Step::Arrive),
        4 => Just(Step::Answer),
        1 => Just(Step::Fail),
        1 => Just(Step::Lose),
        1 => Just(Step::Win),
        1 => Just(Step::Stop),
    ]
}

/// A message that has begun.
struct Begun {
    noted: BoxFuture<'static, ()>,
    runs: bool,
    /// A note failed, or the claim or the whole run ended: it need not be noted any more.
    excused: bool,
}

/// A worker, its store, and what the store has of it.
struct World {
    in_flight: InFlight,
    claim: SlowClaim,
    claimed: bool,
    stored: Vec<u64>,
    writing: Option<(u64, Vec<u64>)>,
    known: bool,
    begun: BTreeMap<u64, Begun>,
    next: u64,
    ahead: u64,
}

impl World {
    fn new(ahead: u64) -> Self {
        Self {
            in_flight: InFlight::new(Arc::default()),
            claim: SlowClaim::default(),
            claimed: false,
            stored: Vec::new(),
            writing: None,
            known: true,
            begun: BTreeMap::new(),
            next: 1,
            ahead,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Begin => {
                let position = self.next;
                self.next += 1;
                if self.in_flight.begin(position) {
                    self.in_flight.expect(Lane::Primary, self.next..self.next + self.ahead);
                }
                let noted = Box::pin(self.in_flight.noted(position));
                let excused = !self.claimed;
                self.begun.insert(position, Begun { noted, runs: false, excused });
            }
            Step::End(which) => {
                let running = self.begun.iter().filter(|(_, begun)| begun.runs);
                let running = Vec::from_iter(running.map(|(position, _)| *position));
                if let Some(position) = running.get(which % running.len().max(1)) {
                    self.in_flight.end(*position);
                    self.begun.remove(position);
                }
            }
            Step::Arrive => {
                if let Some((_, note)) = &self.writing {
                    self.stored.clone_from(note);
                }
            }
            Step::Answer => {
                if let Some((number, note)) = self.writing.take() {
                    (self.stored, self.known) = (note, true);
                    self.in_flight.note_ended(number, Ok(())).unwrap();
                }
            }
            Step::Fail => {
                if let Some((number, _)) = self.writing.take() {
                    self.known = false;
                    self.excuse();
                    let failed = Err(Error::unavailable("the weather"));
                    assert!(self.in_flight.note_ended(number, failed).is_err());
                }
            }
            Step::Lose => {
                self.claimed = false;
                self.excuse();
                self.in_flight.step_down();
                // Its answer comes after the loss, and is nobody's business.
                if let Some((number, _)) = self.writing.take() {
                    self.in_flight.note_ended(number, Ok(())).unwrap();
                }
            }
            Step::Win if !self.claimed => {
                self.claim.left = self.stored.clone();
                (self.claimed, self.known) = (true, true);
                self.in_flight.adopt(Box::new(self.claim.clone()));
            }
            Step::Win => {}
            Step::Stop => {
                self.excuse();
                self.in_flight.clear_notes();
            }
        }
        self.start_note();
        self.poll();
    }

    fn excuse(&mut self) {
        self.begun.values_mut().for_each(|begun| begun.excused = true);
    }

    fn start_note(&mut self) {
        let Some(Note { number, .. }) = self.in_flight.note() else { return };
        assert!(self.writing.is_none(), "one note at a time");
        let note = self.claim.sent.lock().unwrap().pop().unwrap();
        assert!(!self.known || note != self.stored, "{note:?} is noted already");
        self.writing = Some((number, note));
    }

    fn poll(&mut self) {
        for (position, begun) in &mut self.begun {
            begun.runs = begun.runs || begun.noted.as_mut().now_or_never().is_some();
            if begun.runs && !begun.excused {
                assert!(self.stored.contains(position), "{position} runs and is not noted");
                let writing = self.writing.as_ref();
                assert!(writing.is_none_or(|(_, note)| note.contains(position)));
            }
            let answered = self.writing.is_none();
            assert!(begun.runs || !answered, "{position} waits for a note that nobody writes");
        }
    }
}

proptest! {
    #[test]
    fn nothing_runs_before_the_store_has_a_note_of_it(
        ahead in 0_u64..4,
        steps in proptest::collection::vec(any_step(), 1..80),
    ) {
        let mut world = World::new(ahead);
        world.take(Step::Win);
        for step in steps {
            world.take(step);
        }
    }
}

#[test]
fn what_begins_while_a_note_is_on_its_way_is_in_one_note_together() {
    let mut world = World::new(0);
    world.take(Step::Win);
    for _ in 0..9 {
        world.take(Step::Begin);
    }
    let note = |world: &World| world.writing.as_ref().map(|(_, note)| note.clone());
    assert_eq!(note(&world), Some(vec![1]));
    assert!(!world.begun.values().any(|begun| begun.runs));
    world.take(Step::Answer);
    assert_eq!(note(&world), Some(Vec::from_iter(1..=9)));
    assert_eq!(world.begun.values().filter(|begun| begun.runs).count(), 1);
    world.take(Step::Answer);
    assert!(world.writing.is_none() && world.begun.values().all(|begun| begun.runs));
}
