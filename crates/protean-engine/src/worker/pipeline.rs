//! From settled units to durable ones: what queues while one commit runs is
//! the next batch.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protean_core::handling::{Fate, Settled};
use protean_core::unit::{Overlay, Sequence};
use protean_port::message::{Lane, Priority, Timestamp};
use protean_port::port::{At, Changes, Delivery, DoneMark, Outcome, Park};

use crate::worker::watermark::Watermark;

/// How a unit marks its message as settled. Each unit that settles a message marks it, and
/// only the first may: so the message is counted once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marking {
    /// It was read from the log in its turn: the watermark may move.
    InTurn,
    /// In its turn, but another unit has settled it before.
    Again,
    /// It ran before its turn.
    Early,
    /// It was parked, and so settled for the cursor before.
    None,
}

/// A unit that waits to be committed.
struct Entry {
    sequence: Sequence,
    delivery: Delivery,
    settled: Settled,
    otherwise: Option<Changes>,
    marking: Marking,
}

/// A unit as it was sent to the store.
struct Sent {
    sequence: Sequence,
    delivery: Delivery,
    fate: Fate,
    /// What it read was not committed: only its `otherwise` was sent.
    void: bool,
}

/// A unit that was not written because the database was down, and its index in the batch.
struct Unwritten {
    index: usize,
    sent: Sent,
    unit: Changes,
}

/// A delivery whose unit was left out of its commit, and why.
pub(crate) struct LeftOut {
    pub(crate) delivery: Delivery,
    pub(crate) outcome: Outcome,
}

/// The units of one lane between being settled and being durable.
#[derive(Default)]
pub(crate) struct Pipeline {
    lane: Lane,
    group: Arc<str>,
    overlay: Arc<Mutex<Overlay>>,
    watermarks: HashMap<Priority, Watermark>,
    open: Vec<Entry>,
    sent: Vec<Sent>,
    units: Arc<[Changes]>,
    /// What could not be written because the database was down.
    unwritten: Option<Arc<[Changes]>>,
    /// Units that were left out, and the last unit taken in when that was known.
    failed: BTreeMap<Sequence, Sequence>,
    /// How many running turns began after each unit.
    turns: BTreeMap<Sequence, usize>,
    last: Sequence,
}

impl Pipeline {
    pub(crate) fn new(lane: Lane, group: Arc<str>) -> Self {
        Self { lane, group, ..Self::default() }
    }

    /// What units of this lane have written that is not committed.
    pub(crate) fn overlay(&self) -> Arc<Mutex<Overlay>> {
        Arc::clone(&self.overlay)
    }

    fn overlaid(&self) -> MutexGuard<'_, Overlay> {
        self.overlay.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message was read from the log, to be settled in its turn.
    pub(crate) fn read(&mut self, priority: Priority, position: u64) {
        self.watermarks.entry(priority).or_default().read(position);
    }

    /// How many units wait for a commit or are in one.
    pub(crate) fn len(&self) -> usize {
        self.open.len() + self.sent.len()
    }

    /// A turn begins; it may read what has been taken in up to here.
    pub(crate) fn begin(&mut self) -> Sequence {
        *self.turns.entry(self.last).or_default() += 1;
        self.last
    }

    /// A turn that began at `since` has ended and is taken in. What failed
    /// before every turn that still runs can be forgotten.
    pub(crate) fn end(&mut self, since: Sequence) {
        if let Some(count) = self.turns.get_mut(&since) {
            *count -= 1;
            if *count == 0 {
                self.turns.remove(&since);
            }
        }
        let oldest = self.turns.first_key_value().map_or(self.last, |(since, _)| *since);
        let open = self.open.first().map_or(oldest, |entry| entry.sequence.min(oldest));
        self.failed.retain(|_, known| *known >= open);
    }

    /// Takes in a settled unit. Later units of the lane see what it wrote, unless it rests
    /// on a unit that was left out. Gives the stream position that the group expects next,
    /// when the unit moves it.
    pub(crate) fn push(
        &mut self,
        delivery: Delivery,
        mut settled: Settled,
        otherwise: Option<Changes>,
        marking: Marking,
    ) -> Option<u64> {
        self.last += 1;
        let mut next = settled.next;
        let writes = std::mem::take(&mut settled.unit.writes);
        if self.is_void(&settled.unit.readers) {
            self.failed.insert(self.last, self.last);
            next = None;
        } else {
            let mut overlay = self.overlay.lock().unwrap_or_else(PoisonError::into_inner);
            overlay.absorb(self.last, writes);
            if settled.is_in_the_way() {
                let stream = delivery.recorded.message.stream.name();
                overlay.block(self.last, stream, delivery.recorded.stream_position);
            }
        }
        self.open.push(Entry { sequence: self.last, delivery, settled, otherwise, marking });
        next
    }

    fn is_void(&self, readers: &BTreeSet<Sequence>) -> bool {
        readers.iter().any(|reader| self.failed.contains_key(reader))
    }

    /// What the batch settles that is under way.
    pub(crate) fn sent(&self) -> impl Iterator<Item = &Delivery> {
        self.sent.iter().map(|sent| &sent.delivery)
    }

    /// True when there is a batch to commit and none is under way.
    pub(crate) fn can_send(&self) -> bool {
        self.sent.is_empty() && !self.open.is_empty()
    }

    /// How many of the units that wait for a commit have to be in it so that each of these is.
    pub(crate) fn up_to_last(&self, of_these: impl Fn(&Delivery) -> bool) -> usize {
        self.open.iter().rposition(|entry| of_these(&entry.delivery)).map_or(0, |last| last + 1)
    }

    /// The next batch to commit, of at most so many units, when there is one and none is
    /// under way. It takes the way of its own lane to the store, or of the one that waits for it.
    pub(crate) fn send(&mut self, most: usize, way: Lane) -> Option<Arc<[Changes]>> {
        if most == 0 || !self.can_send() {
            return None;
        }
        let mut places = HashMap::new();
        let later = self.open.split_off(most.min(self.open.len()));
        let mut units = Vec::with_capacity(self.open.len());
        for mut entry in std::mem::replace(&mut self.open, later) {
            places.insert(entry.sequence, units.len());
            let readers = std::mem::take(&mut entry.settled.unit.readers);
            let void = self.failed.contains_key(&entry.sequence) || self.is_void(&readers);
            let marks = self.marks(&entry);
            if void {
                self.failed.insert(entry.sequence, self.last);
                units.push(self.instead(entry.otherwise, marks, way));
            } else {
                let depends_on = places_of(&readers, &places);
                let changes = Changes { depends_on, ..entry.settled.unit.changes };
                units.push(self.unit(changes, entry.otherwise, marks, way));
            }
            let (sequence, delivery, fate) = (entry.sequence, entry.delivery, entry.settled.fate);
            self.sent.push(Sent { sequence, delivery, fate, void });
        }
        self.units = Arc::from(units);
        Some(Arc::clone(&self.units))
    }

    /// A unit with its marks, and what is kept when it is left out.
    fn unit(
        &self,
        mut changes: Changes,
        otherwise: Option<Changes>,
        marks: Vec<DoneMark>,
        way: Lane,
    ) -> Changes {
        changes.otherwise = Some(Box::new(self.instead(otherwise, marks.clone(), way)));
        changes.marks.extend(marks);
        changes.lane = way;
        changes
    }

    /// What is kept in place of a unit.
    fn instead(&self, otherwise: Option<Changes>, marks: Vec<DoneMark>, way: Lane) -> Changes {
        let mut instead = otherwise.unwrap_or_else(|| Changes::new(way));
        instead.marks.extend(marks);
        instead.lane = way;
        instead
    }

    fn marks(&mut self, entry: &Entry) -> Vec<DoneMark> {
        let (message, position) =
            (&entry.delivery.recorded.message, entry.delivery.recorded.position);
        let mut marks = Vec::new();
        let mut mark = |at| marks.push(DoneMark::of(&self.group, message, at));
        match entry.marking {
            Marking::None => {}
            Marking::Early => mark(At::First(position)),
            Marking::InTurn | Marking::Again => {
                let first = entry.marking == Marking::InTurn;
                mark(if first { At::First(position) } else { At::Only(position) });
                let watermark = self.watermarks.entry(message.priority).or_default();
                watermark.settle(position).into_iter().for_each(|up_to| mark(At::UpTo(up_to)));
            }
        }
        marks
    }

    /// Takes in the outcomes of a batch, and gives `log` each unit that is durable. Units that
    /// could not be written because the database was down have to be sent
    /// [again](Self::resend).
    pub(crate) fn committed(
        &mut self,
        outcomes: Vec<Outcome>,
        log: impl Fn(&Delivery, &Fate, &Changes),
    ) -> Committed {
        let mut committed = Committed::default();
        let sent = std::mem::take(&mut self.sent);
        let last = sent.last().map_or(0, |sent| sent.sequence);
        let units = std::mem::replace(&mut self.units, Arc::from([]));
        let (mut again, mut lost) = (Vec::new(), HashSet::new());
        for (index, ((sent, unit), outcome)) in
            sent.into_iter().zip(&*units).zip(outcomes).enumerate()
        {
            match outcome {
                Outcome::Committed(_) if !sent.void => {
                    log(&sent.delivery, &sent.fate, unit);
                    committed.due = earliest(committed.due, unit);
                    committed.durable.push(sent.delivery);
                }
                Outcome::Unavailable(reason) => {
                    committed.unavailable = Some(reason);
                    again.push(Unwritten { index, sent, unit: unit.clone() });
                }
                outcome => {
                    lost.insert(index);
                    self.fail(&sent);
                    committed.left_out.push(LeftOut { delivery: sent.delivery, outcome });
                }
            }
        }
        self.keep_for_later(again, lost);
        self.undo_failed();
        if self.sent.is_empty() {
            self.overlaid().forget(last);
        }
        committed
    }

    fn fail(&mut self, sent: &Sent) {
        self.failed.insert(sent.sequence, self.last);
    }

    /// Takes what failed out of the overlay, with all that rests on it.
    fn undo_failed(&mut self) {
        if self.failed.is_empty() {
            return;
        }
        for index in 0..self.open.len() {
            if self.is_void(&self.open[index].settled.unit.readers) {
                let sequence = self.open[index].sequence;
                self.failed.insert(sequence, self.last);
            }
        }
        let mut overlay = self.overlay.lock().unwrap_or_else(PoisonError::into_inner);
        overlay.undo(&self.failed);
    }

    /// Keeps the units that are to be sent again. Of one that depends on a lost unit only
    /// what is kept in its place remains.
    fn keep_for_later(&mut self, again: Vec<Unwritten>, mut lost: HashSet<usize>) {
        let places: HashMap<usize, usize> =
            again.iter().enumerate().map(|(place, kept)| (kept.index, place)).collect();
        let mut units = Vec::with_capacity(again.len());
        for Unwritten { index, mut sent, mut unit } in again {
            if unit.depends_on.iter().any(|at| lost.contains(at)) {
                lost.insert(index);
                self.fail(&sent);
                sent.void = true;
                let otherwise = unit.otherwise.take();
                unit = otherwise.map_or_else(|| Changes::new(self.lane), |unit| *unit);
            }
            let depends_on = unit.depends_on.iter();
            unit.depends_on = depends_on.filter_map(|at| places.get(at).copied()).collect();
            units.push(unit);
            self.sent.push(sent);
        }
        self.units = Arc::from(units);
        self.unwritten = (!self.sent.is_empty()).then(|| Arc::clone(&self.units));
    }

    /// The units that were not written because the database was down, once.
    pub(crate) fn resend(&mut self) -> Option<Arc<[Changes]>> {
        self.unwritten.take()
    }
}

/// The outcomes of a batch.
#[derive(Default)]
pub(crate) struct Committed {
    pub(crate) durable: Vec<Delivery>,
    pub(crate) left_out: Vec<LeftOut>,
    pub(crate) unavailable: Option<String>,
    /// When the first message that it parked or released is due.
    pub(crate) due: Option<Timestamp>,
}

fn earliest(due: Option<Timestamp>, unit: &Changes) -> Option<Timestamp> {
    let parked = unit.parks.iter().filter_map(|park| match park {
        Park::Keep { due, .. } => *due,
        Park::Release { due, .. } => Some(*due),
        Park::Hold { .. } | Park::Take { .. } => None,
    });
    parked.chain(due).min()
}

fn places_of(readers: &BTreeSet<Sequence>, places: &HashMap<Sequence, usize>) -> Vec<usize> {
    readers.iter().filter_map(|reader| places.get(reader).copied()).collect()
}
