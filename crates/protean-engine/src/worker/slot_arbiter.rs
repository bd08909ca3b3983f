//! Which handler of a server starts a message now. A pure state machine without I/O; the
//! caller brings the time.
//!
//! ```text
//!           ┌─(a slot is free for it)─▶ a shared slot, one of `concurrency` ─┐
//! choose ───┼─(nothing of it runs)────▶ its own slot, beyond them ───────────┼─▶ release
//!           └─(otherwise)─▶ waits ─▶ is woken when a slot is free for it
//! ```
//!
//! * A handler of which nothing runs may always start a message, so that none is blocked by
//!   others that hang.
//! * A shared slot that becomes free goes to production that waits, of any handler.
//! * Backfill of all handlers holds at most `concurrency − reserved` shared slots.
//! * With a share of the time, a free slot is backfill's while it has had less.
//! * Handlers that wait in a lane share its slots evenly: the one with the fewest goes first,
//!   then the one that waited longest.

use std::time::Duration;

use protean_port::message::Lane;

use super::slots::{Demand, Slots};
use super::time_share::{Running, TimeShare};
use crate::per_lane::PerLane;

/// The slots of a server, and the handlers that use them.
#[derive(Debug)]
pub struct SlotArbiter {
    slots: Slots,
    min_share: f64,
    handlers: Vec<Option<Handler>>,
    /// The shared slots that are taken.
    shared: Running,
    running: Running,
    share: TimeShare,
    now: Duration,
    tickets: u64,
}

/// One handler, as the arbiter knows it.
#[derive(Debug)]
struct Handler {
    /// How many of its messages may run at once.
    limit: usize,
    running: Running,
    /// The lane of the message in its own slot.
    own: Option<Lane>,
    /// Since when it waits in each lane.
    since: PerLane<Option<u64>>,
    share: TimeShare,
    /// It has been woken and has not asked since.
    woken: bool,
}

/// Which slot a message gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grant {
    Shared,
    Own,
}

impl SlotArbiter {
    /// These slots, of whose time backfill gets at least `min_share` while production waits.
    pub fn new(slots: Slots, min_share: f64) -> Self {
        Self {
            slots,
            min_share,
            handlers: Vec::new(),
            shared: Running::default(),
            running: Running::default(),
            share: TimeShare::new(min_share, slots.concurrency),
            now: Duration::ZERO,
            tickets: 0,
        }
    }

    /// A handler comes, of which `limit` messages may run at once. Gives its place.
    pub fn join(&mut self, limit: usize) -> usize {
        let slots = limit.min(self.slots.concurrency);
        let handler = Handler {
            limit,
            running: Running::default(),
            own: None,
            since: PerLane::new(&Lane::ALL, |_| None),
            share: TimeShare::new(self.min_share, slots),
            woken: false,
        };
        match self.handlers.iter().position(Option::is_none) {
            Some(place) => {
                self.handlers[place] = Some(handler);
                place
            }
            None => {
                self.handlers.push(Some(handler));
                self.handlers.len() - 1
            }
        }
    }

    /// A handler goes, and gives back what it has.
    pub fn leave(&mut self, place: usize, now: Duration) {
        for lane in Lane::ALL {
            while self.handler(place).is_some_and(|handler| handler.running.is_some(lane)) {
                self.release(place, lane, now);
            }
        }
        if let Some(handler) = self.handlers.get_mut(place) {
            *handler = None;
        }
    }

    /// A handler says what it has to start. Gives the lane of the message to start now, whose
    /// slot is taken until it is [released](Self::release); with none, the handler waits.
    pub fn choose(&mut self, place: usize, demand: Demand, now: Duration) -> Option<Lane> {
        self.pass(now);
        self.want(place, demand);
        let handler = self.handler(place)?;
        let mut lanes = Lane::ALL;
        if handler.wants_both() && handler.share.is_due(handler.running) {
            lanes.reverse();
        }
        let wanted = lanes.into_iter().filter(|lane| demand.wants(*lane));
        let (lane, grant) =
            wanted.filter_map(|lane| Some((lane, self.grant(place, lane)?))).next()?;
        let handler = self.handlers[place].as_mut()?;
        handler.since[lane] = None;
        *handler.running.of(lane) += 1;
        *self.running.of(lane) += 1;
        match grant {
            Grant::Shared => *self.shared.of(lane) += 1,
            Grant::Own => handler.own = Some(lane),
        }
        Some(lane)
    }

    /// A message has ended that was started in this lane.
    pub fn release(&mut self, place: usize, lane: Lane, now: Duration) {
        self.pass(now);
        let Some(Some(handler)) = self.handlers.get_mut(place) else { return };
        *handler.running.of(lane) -= 1;
        *self.running.of(lane) -= 1;
        if handler.own.take_if(|own| *own == lane).is_none() {
            *self.shared.of(lane) -= 1;
        }
        // It asks again by itself.
        handler.woken = true;
    }

    /// A handler that waits and may start a message now; each is given once until it asks.
    pub fn wake(&mut self) -> Option<usize> {
        if self.shared.total() >= self.slots.concurrency {
            return None;
        }
        let may_start = |place: &usize| {
            self.handler(*place).is_some_and(|handler| {
                let wants = |lane: &Lane| handler.since[*lane].is_some();
                !handler.woken
                    && Lane::ALL
                        .iter()
                        .filter(|lane| wants(lane))
                        .any(|lane| self.grant(*place, *lane).is_some())
            })
        };
        let place = (0..self.handlers.len()).find(may_start)?;
        self.handlers[place].as_mut()?.woken = true;
        Some(place)
    }

    fn handler(&self, place: usize) -> Option<&Handler> {
        self.handlers.get(place).and_then(Option::as_ref)
    }

    fn want(&mut self, place: usize, demand: Demand) {
        let Some(Some(handler)) = self.handlers.get_mut(place) else { return };
        handler.woken = false;
        for lane in Lane::ALL {
            let ticket = &mut handler.since[lane];
            if !demand.wants(lane) {
                *ticket = None;
            } else if ticket.is_none() {
                self.tickets += 1;
                *ticket = Some(self.tickets);
            }
        }
    }

    fn grant(&self, place: usize, lane: Lane) -> Option<Grant> {
        let handler = self.handler(place)?;
        if !handler.has_room() {
            return None;
        }
        if self.owed(handler, lane) < self.free(lane) && !self.yields(lane) {
            return Some(Grant::Shared);
        }
        (handler.running.total() == 0).then_some(Grant::Own)
    }

    /// The slots of a lane that others go first for: those that wait may come to have as many
    /// as this handler, and one more when they have waited longer.
    fn owed(&self, handler: &Handler, lane: Lane) -> usize {
        let since = handler.since[lane].unwrap_or(u64::MAX);
        let mine = handler.running.get(lane);
        let owed_to = |other: &Handler| {
            let asked = other.since[lane].filter(|asked| *asked != since)?;
            let level = mine + usize::from(asked < since);
            Some(level.saturating_sub(other.running.get(lane)).min(other.room()))
        };
        self.handlers.iter().flatten().filter_map(owed_to).sum()
    }

    /// The shared slots that a lane may take.
    fn free(&self, lane: Lane) -> usize {
        let free = self.slots.concurrency.saturating_sub(self.shared.total());
        match lane {
            Lane::Primary => free,
            Lane::Backfill => free.min(self.slots.of(lane).saturating_sub(self.shared.backfill)),
        }
    }

    /// True when a free slot is the other lane's.
    fn yields(&self, lane: Lane) -> bool {
        let is_due = self.share.is_due(self.running);
        match lane {
            Lane::Primary => is_due && self.free(Lane::Backfill) > 0 && self.waits(Lane::Backfill),
            Lane::Backfill => !is_due && self.waits(Lane::Primary),
        }
    }

    /// True when a handler waits in a lane that could use a slot there.
    fn waits(&self, lane: Lane) -> bool {
        let mut handlers = self.handlers.iter().flatten();
        handlers.any(|handler| handler.has_room() && handler.since[lane].is_some())
    }

    /// Counts the time that has passed as it was used.
    fn pass(&mut self, now: Duration) {
        let time = now.saturating_sub(self.now);
        self.now = self.now.max(now);
        if self.min_share == 0.0 || time.is_zero() {
            return;
        }
        if self.waits(Lane::Primary) && self.waits(Lane::Backfill) {
            self.share.pass(time, self.running);
        }
        for handler in self.handlers.iter_mut().flatten().filter(|handler| handler.wants_both()) {
            handler.share.pass(time, handler.running);
        }
    }
}

impl Handler {
    /// How many more of its messages may run.
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.running.total())
    }

    fn has_room(&self) -> bool {
        self.room() > 0
    }

    fn wants_both(&self) -> bool {
        self.since.iter().all(Option::is_some)
    }
}

#[cfg(test)]
#[path = "slot_arbiter_tests.rs"]
mod tests;
