//! Which messages of each stream have run and are not committed yet, and what their group
//! expects next. Pure.
//!
//! ```text
//! free ─(a message of a lane ran)─▶ of that lane ─(production wants it too)─▶ wanted
//!   ▲                                    │                                      │
//!   └──────────(its last unit is committed, or left out)────────────────────────┘
//! ```
//!
//! * A lane sees what its own units have written and not what those of the other lane have. So
//!   while a stream is of one lane, no message of the other starts in it: it would find the
//!   messages before it not handled, and run them again. One that comes before all of these units
//!   may start, since it has run or was parked.
//! * While production wants a stream of backfill, nothing starts in it, and its units are to be
//!   committed at once. Otherwise more of backfill would go before production for ever.
//! * A message that was brought forward, because a later one of its stream was to run, comes in
//!   its own turn as well. That copy waits until the unit of the message is committed or left
//!   out. Only then is it known whether it has to run.
//! * A copy that was read before its message ran says that it is next. So what the group expects
//!   is remembered while a message of the stream is in memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use protean_port::message::Lane;

use crate::per_lane::PerLane;

/// For how many of the streams that moved last it is remembered at least what the group expects,
/// though none of their messages is in memory: one may be on its way from the log.
const REMEMBERED_STREAMS: usize = 25_000;

/// What a message that has not started waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WaitsFor {
    Nothing,
    /// Its stream: a message of it runs, or units of it are not committed.
    Stream,
    /// The message at this position, which goes first, or its own unit: it has run already.
    Message(u64),
}

/// The units of an ordered group that are not committed.
#[derive(Clone, Debug, Default)]
pub(super) struct Uncommitted {
    /// The log positions of the messages that have run, by the lane they ran in, and what the
    /// group expects once each is committed. A stream without one is left out.
    streams: HashMap<Arc<str>, PerLane<BTreeMap<u64, Option<u64>>>>,
    /// Streams with units of backfill that production waits for.
    wanted: HashSet<Arc<str>>,
    /// What the group expects in the streams that moved last.
    expected: HashMap<Arc<str>, Expected>,
    /// The same for streams that moved before.
    expected_before: HashMap<Arc<str>, Expected>,
}

/// The stream position that a group expects next.
#[derive(Clone, Copy, Debug, Default)]
struct Expected {
    /// As far as is known to be committed.
    committed: u64,
    /// Once all that has run is committed.
    hoped: u64,
}

impl Uncommitted {
    /// What the message of a lane at this log position waits for. When production waits for
    /// backfill, its stream is wanted from now on.
    pub(super) fn ask(&mut self, stream: &str, lane: Lane, position: u64) -> WaitsFor {
        let Some((stream, units)) = self.streams.get_key_value(stream) else {
            return WaitsFor::Nothing;
        };
        let is_after = |lane| units[lane].keys().next().is_some_and(|first| *first < position);
        let is_of_other = match lane {
            Lane::Primary => is_after(Lane::Backfill),
            Lane::Backfill => {
                let is_wanted = self.wanted.contains(stream);
                is_after(Lane::Primary) || (is_wanted && is_after(Lane::Backfill))
            }
        };
        let ran_in = Lane::ALL.into_iter().find(|lane| units[*lane].contains_key(&position));
        if lane == Lane::Primary && (is_of_other || ran_in == Some(Lane::Backfill)) {
            self.wanted.insert(Arc::clone(stream));
        }
        match ran_in {
            Some(_) => WaitsFor::Message(position),
            None if is_of_other => WaitsFor::Stream,
            None => WaitsFor::Nothing,
        }
    }

    /// A message has run in a lane, and its unit waits to be committed. The group expects `next`
    /// then, when that moves it. What was expected long ago is forgotten, but for the streams
    /// that are `here`: messages of these are in memory.
    pub(super) fn add<'a>(
        &mut self,
        stream: &Arc<str>,
        lane: Lane,
        position: u64,
        next: Option<u64>,
        here: impl FnOnce() -> HashSet<&'a str>,
    ) {
        let none = || PerLane::new(&Lane::ALL, |_| BTreeMap::new());
        let units = self.streams.entry(Arc::clone(stream)).or_insert_with(none);
        units[lane].insert(position, next);
        if let Some(next) = next {
            self.expect(stream, next, here);
        }
    }

    /// The unit of a message is committed, or left out. True when messages that wait for the
    /// stream may start now.
    pub(super) fn end(
        &mut self,
        stream: &str,
        lane: Lane,
        position: u64,
        is_committed: bool,
    ) -> bool {
        let Some(units) = self.streams.get_mut(stream) else { return false };
        let Some(next) = units[lane].remove(&position) else { return false };
        let is_free = units[lane].is_empty();
        if is_free && lane == Lane::Backfill {
            self.wanted.remove(stream);
        }
        let expected = self.expected.get_mut(stream);
        if let Some(expected) = expected.or_else(|| self.expected_before.get_mut(stream)) {
            if is_committed {
                expected.committed = expected.committed.max(next.unwrap_or(0));
            } else {
                // Those before it may still be committed, and those after it will not be.
                let before = units.iter().flat_map(|units| units.range(..position));
                let hoped = before.filter_map(|(_, next)| *next).max();
                expected.hoped = expected.committed.max(hoped.unwrap_or(0));
            }
        }
        if units.iter().all(BTreeMap::is_empty) {
            self.streams.remove(stream);
        }
        is_free
    }

    /// True when production waits for units of this stream, which are of backfill.
    pub(super) fn is_wanted(&self, stream: &str) -> bool {
        self.wanted.contains(stream)
    }

    /// True when production waits for units of backfill.
    pub(super) fn has_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// The stream position that the group expects next once everything that has run is
    /// committed; 0 when nothing is known.
    pub(super) fn expected(&self, stream: &str) -> u64 {
        let known = self.expected.get(stream).or_else(|| self.expected_before.get(stream));
        known.map_or(0, |expected| expected.hoped.max(expected.committed))
    }

    fn expect<'a>(
        &mut self,
        stream: &Arc<str>,
        next: u64,
        here: impl FnOnce() -> HashSet<&'a str>,
    ) {
        if let Some(known) = self.expected.get_mut(stream) {
            known.hoped = next;
            return;
        }
        let known = self.expected_before.remove(stream).unwrap_or_default();
        if self.expected.len() >= REMEMBERED_STREAMS {
            let here = here();
            self.expected_before.retain(|stream, _| here.contains(&**stream));
            self.expected_before.extend(self.expected.drain());
        }
        self.expected.insert(Arc::clone(stream), Expected { hoped: next, ..known });
    }
}

#[cfg(test)]
#[path = "uncommitted_tests.rs"]
mod tests;
