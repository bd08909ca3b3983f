//! What is being handled, noted so that it outlives an abrupt end of the
//! process; and which messages are suspected of such an end.
//!
//! ```text
//! left behind ─▶ parked ─▶ in line ─▶ charged with an attempt ─▶ runs, no other suspect beside it
//! ```
//!
//! A message that ends the process each time it is handled uses up its tries
//! that way, and its neighbours do not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use protean_port::Result;
use protean_port::message::Lane;
use protean_port::port::{BoxFuture, Claim, Delivery};

use crate::per_lane::PerLane;
use crate::worker::notes::Notes;
use crate::worker::own_notes::OwnNotes;

/// The messages of one group that are being handled or suspected.
pub(crate) struct InFlight {
    /// None while another process has it.
    claim: Option<Box<dyn Claim>>,
    own_notes: Arc<Mutex<OwnNotes>>,
    running: BTreeSet<u64>,
    /// The messages that run next in each lane.
    ahead: PerLane<BTreeSet<u64>>,
    notes: Notes,
    /// The lane and stream of each suspect.
    suspects: BTreeMap<u64, (Lane, Arc<str>)>,
    line: VecDeque<Delivery>,
    /// The suspect that is charged or runs.
    current: Option<u64>,
}

/// A note that is being written.
pub(crate) struct Note {
    pub(crate) number: u64,
    pub(crate) written: BoxFuture<'static, Result>,
}

impl InFlight {
    /// What is noted is remembered in `own_notes`, which outlives a lost claim.
    pub(crate) fn new(own_notes: Arc<Mutex<OwnNotes>>) -> Self {
        Self {
            claim: None,
            own_notes,
            running: BTreeSet::new(),
            ahead: PerLane::new(&Lane::ALL, |_| BTreeSet::new()),
            notes: Notes::new(),
            suspects: BTreeMap::new(),
            line: VecDeque::new(),
            current: None,
        }
    }

    /// Notes in this claim what is handled from now on.
    pub(crate) fn adopt(&mut self, claim: Box<dyn Claim>) {
        self.remember(|own| own.adopt(claim.left().to_vec()));
        self.notes.open(claim.left());
        self.claim = Some(claim);
    }

    /// Gives the claim up, and every suspect but the one that runs.
    pub(crate) fn step_down(&mut self) -> Vec<(u64, Lane, Arc<str>)> {
        self.claim = None;
        self.notes.close();
        self.ahead.iter_mut().for_each(BTreeSet::clear);
        self.line.clear();
        // One that is charged owes its next run no other attempt.
        let charged = self.current;
        let uncharged = self.suspects.keys().copied().filter(|at| Some(*at) != charged).collect();
        self.remember(|own| own.lose(uncharged));
        let Self { current, running, suspects, .. } = self;
        current.take_if(|current| !running.contains(current));
        let given_up = suspects.extract_if(.., |position, _| Some(*position) != *current);
        given_up.map(|(position, (lane, stream))| (position, lane, stream)).collect()
    }

    /// True when this process looks after what is parked.
    pub(crate) fn is_claimed(&self) -> bool {
        self.claim.is_some()
    }

    /// Suspects a message that is parked.
    pub(crate) fn suspect(&mut self, position: u64, lane: Lane, stream: Arc<str>) {
        self.suspects.insert(position, (lane, stream));
    }

    /// The suspects of a lane that are neither in line nor charged, with their streams.
    pub(crate) fn absent(&self, lane: Lane) -> Vec<(u64, Arc<str>)> {
        let here: BTreeSet<u64> = self.line.iter().map(|item| item.recorded.position).collect();
        let all = self.suspects.iter().filter(|(_, (of, _))| *of == lane);
        let away = all.filter(|(at, _)| !here.contains(at) && !self.is_charged(**at));
        away.map(|(at, (_, stream))| (*at, Arc::clone(stream))).collect()
    }

    /// The delivery, when it may run beside others; a suspect waits in line
    /// until it is charged.
    pub(crate) fn admit(&mut self, delivery: Delivery) -> Option<Delivery> {
        if !self.suspects.contains_key(&delivery.recorded.position) {
            return Some(delivery);
        }
        self.line.push_back(delivery);
        None
    }

    /// True when a unit that was just committed charged this message, so that it
    /// is to run now. It never leaves memory for that: others in line may fill it.
    pub(crate) fn is_charged(&self, position: u64) -> bool {
        self.current == Some(position)
    }

    /// True when a suspect of this lane waits in line.
    pub(crate) fn has_line(&self, lane: Lane) -> bool {
        self.line.iter().any(|delivery| self.is_of(delivery, lane))
    }

    fn is_of(&self, delivery: &Delivery, lane: Lane) -> bool {
        let stands = self.suspects.get(&delivery.recorded.position);
        stands.is_some_and(|(of, _)| *of == lane)
    }

    /// True when a suspect is charged or runs.
    pub(crate) fn has_current(&self) -> bool {
        self.current.is_some()
    }

    /// The next suspect whose turn has come, to be charged.
    pub(crate) fn next(&mut self, its_turn: impl Fn(&Delivery) -> bool) -> Option<Delivery> {
        let next = self.line.iter().position(its_turn)?;
        let next = self.line.remove(next)?;
        self.current = Some(next.recorded.position);
        Some(next)
    }

    /// A message is settled, or left to another process: it is not suspected any more.
    /// True when it was the suspect that ran.
    pub(crate) fn clear(&mut self, position: u64) -> bool {
        self.suspects.remove(&position);
        self.current.take_if(|current| *current == position).is_some()
    }

    /// A message is about to be handled. True when that has to be noted first, together
    /// with the messages to [expect](Self::expect).
    pub(crate) fn begin(&mut self, position: u64) -> bool {
        self.running.insert(position);
        let is_news = self.notes.is_news(position);
        if is_news {
            self.notes.want();
        }
        is_news
    }

    /// Resolves once a message that has [begun](Self::begin) may run: it is noted, or it
    /// cannot be.
    pub(crate) fn noted(&self, position: u64) -> impl Future<Output = ()> + Send + use<> {
        self.notes.noted(position)
    }

    /// Notes these messages of a lane with the one that begins: one note for many messages.
    pub(crate) fn expect(&mut self, lane: Lane, ahead: impl Iterator<Item = u64>) {
        self.ahead[lane] = ahead.collect();
    }

    /// A message has been handled. That is not noted: an innocent suspect costs less than
    /// a note for each message.
    pub(crate) fn end(&mut self, position: u64) {
        self.running.remove(&position);
    }

    /// The note of what has begun since the last one, when there is anything to note and none
    /// is being written. The next one waits until this one has [ended](Self::note_ended).
    pub(crate) fn note(&mut self) -> Option<Note> {
        let claim = self.claim.as_ref()?;
        let positions = self.running.iter().chain(self.ahead.iter().flatten());
        let positions = positions.chain(self.suspects.keys());
        let number = self.notes.begin(positions.copied())?;
        let positions = self.notes.positions();
        let written = claim.note(&positions);
        self.remember(|own| own.write(positions));
        Some(Note { number, written })
    }

    /// A note was written, or was not: what waits for it may run in either case.
    pub(crate) fn note_ended(&mut self, number: u64, written: Result) -> Result {
        if !self.notes.ended(number, written.is_ok()) {
            // It belongs to a claim that is lost.
            return Ok(());
        }
        self.remember(if written.is_ok() { OwnNotes::written } else { OwnNotes::failed });
        written
    }

    /// From the next note on, nothing is to be suspected when the process ends.
    pub(crate) fn clear_notes(&mut self) {
        self.running.clear();
        self.ahead.iter_mut().for_each(BTreeSet::clear);
        self.notes.want();
    }

    /// The claim is lost: what is handled is not noted any more.
    pub(crate) fn abandon_notes(&mut self) {
        self.notes.close();
    }

    fn remember(&self, change: impl FnOnce(&mut OwnNotes)) {
        change(&mut self.own_notes.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
#[path = "in_flight_tests.rs"]
mod tests;
