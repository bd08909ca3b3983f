//! What a worker reads from the store: the lanes of its category in the log, and the
//! parked messages of each lane.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use protean_port::Result;
use protean_port::message::{Lane, Priority, Timestamp};
use protean_port::port::{Delivery, LaneRead, ParkedPage, ParkedRead};
use tokio::time::Instant;

use super::page_size::PageSize;
use super::receive_span::received;
use crate::worker::lanes::MAX_WAITING_MESSAGES;
use crate::worker::runner::HandlerRunner;

/// How far a worker has read one lane.
pub(crate) struct LaneSource {
    pub(crate) lane: Lane,
    page: PageSize,
    after: HashMap<Priority, u64>,
    /// The log may hold messages that have not been read.
    more: bool,
    reading: bool,
    /// Every message that was in the lane when this process began has been read.
    caught_up: bool,
}

impl LaneSource {
    /// A lane of which nothing is read yet, in pages of at least `page` messages.
    pub(crate) fn new(lane: Lane, page: usize) -> Self {
        let page = PageSize::new(page);
        Self { lane, page, after: HashMap::new(), more: true, reading: false, caught_up: false }
    }

    /// Something was committed, perhaps for this lane.
    pub(crate) fn wake(&mut self) {
        self.more = true;
    }

    /// The read to start `now`, when of the `waiting` messages of the lane in memory
    /// `ready` can run.
    pub(crate) fn next(
        &mut self,
        runner: &HandlerRunner,
        ready: usize,
        waiting: usize,
        now: Duration,
    ) -> Option<LaneRead> {
        let page = self.page.messages();
        let is_full = ready >= page || waiting >= page + MAX_WAITING_MESSAGES;
        if self.reading || !self.more || is_full {
            return None;
        }
        (self.reading, self.more) = (true, false);
        Some(LaneRead {
            group: runner.group.name.to_string(),
            category: runner.group.category.clone(),
            range: runner.domain.lanes().range(self.lane),
            after: self.after.iter().map(|(priority, position)| (*priority, *position)).collect(),
            limit: self.page.begin(now),
        })
    }

    /// A read has ended; one that failed brings none and is made again.
    pub(crate) fn read(&mut self, deliveries: Option<&[Delivery]>) {
        self.reading = false;
        let Some(deliveries) = deliveries else {
            self.more = true;
            return;
        };
        let all = self.page.found(deliveries.len());
        self.more |= !all;
        self.caught_up |= all;
        for delivery in deliveries {
            let after = self.after.entry(delivery.recorded.message.priority).or_default();
            *after = (*after).max(delivery.recorded.position);
        }
    }

    /// True when every message up to this place, which was in the log when the
    /// process began, has been read.
    pub(crate) fn has_read(&self, priority: Priority, position: u64) -> bool {
        self.caught_up || self.after.get(&priority).is_some_and(|after| *after >= position)
    }
}

/// Reads the next page of a lane.
pub(crate) async fn read_log(
    runner: &HandlerRunner,
    lane: Lane,
    read: LaneRead,
) -> Result<Vec<Delivery>> {
    let began = Instant::now();
    let page = runner.steps.run(lane, runner.store.lane(read)).await?;
    if lane == Lane::Backfill && !page.is_empty() {
        runner.steps.pacing().bulk_worked();
    }
    received(runner, None, runner.group.category.as_str(), lane, began, page.iter());
    Ok(page)
}

/// What a worker knows of the parked messages of one lane.
pub(crate) struct ParkedSource {
    pub(crate) lane: Lane,
    page: usize,
    /// When to read again; never when nothing is parked.
    read_at: Option<Timestamp>,
    reading: bool,
    /// Parked messages that are in memory, and whether they were found due meanwhile.
    taken: HashMap<u64, bool>,
    /// Those that have left memory since the current read began: what it finds of them may
    /// be out of date.
    left: HashSet<u64>,
}

impl ParkedSource {
    /// A lane whose parked messages are read at once: an earlier process may have left some.
    pub(crate) fn new(lane: Lane, page: usize, now: Timestamp) -> Self {
        let (taken, left) = (HashMap::new(), HashSet::new());
        Self { lane, page, read_at: Some(now), reading: false, taken, left }
    }

    /// A message was parked until `due`.
    pub(crate) fn expect(&mut self, due: Timestamp) {
        self.read_at = Some(self.read_at.map_or(due, |read_at| read_at.min(due)));
    }

    /// When to read, unless a read is under way or memory has no room for what it finds.
    pub(crate) fn read_at(&self) -> Option<Timestamp> {
        self.read_at.filter(|_| !self.reading && self.taken.len() < self.page)
    }

    /// The read to start now, when it is time.
    pub(crate) fn next(&mut self, runner: &HandlerRunner, now: Timestamp) -> Option<ParkedRead> {
        self.read_at().filter(|read_at| *read_at <= now)?;
        (self.reading, self.read_at) = (true, None);
        Some(ParkedRead {
            group: runner.group.name.to_string(),
            category: runner.group.category.clone(),
            range: runner.domain.lanes().range(self.lane),
            now,
            // What is in memory stays parked until it commits, and comes along again.
            limit: self.page + self.taken.len(),
        })
    }

    /// Takes in what a read has found; gives the messages that are not in memory yet.
    pub(crate) fn found(&mut self, page: ParkedPage) -> Vec<Delivery> {
        self.reading = false;
        page.next_due.into_iter().for_each(|due| self.expect(due));
        let (left, mut due) = (std::mem::take(&mut self.left), page.due);
        let found = due.len();
        due.retain(|delivery| !left.contains(&delivery.recorded.position));
        if due.len() < found {
            self.expect(Timestamp::default());
        }
        due.retain(|delivery| match self.taken.entry(delivery.recorded.position) {
            Entry::Occupied(mut known) => {
                known.insert(true);
                false
            }
            Entry::Vacant(new) => {
                new.insert(false);
                true
            }
        });
        due
    }

    /// A read failed; it is made again at `when`.
    pub(crate) fn failed(&mut self, when: Timestamp) {
        self.reading = false;
        self.left.clear();
        self.expect(when);
    }

    /// A message is in memory, so reads do not bring it again.
    pub(crate) fn take(&mut self, position: u64) {
        self.taken.insert(position, false);
    }

    /// A parked message has left memory. If a read found it due meanwhile, it may be due
    /// still: another process released it in between.
    pub(crate) fn give_back(&mut self, position: u64) {
        if self.taken.remove(&position) == Some(true) {
            self.expect(Timestamp::default());
        }
        if self.reading {
            self.left.insert(position);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Delivery, Lane, ParkedPage, ParkedSource, Timestamp};
    use crate::sample;

    fn parked() -> Delivery {
        Delivery { attempts: 1, parked: true, ..sample::delivery(7) }
    }

    fn page() -> ParkedPage {
        ParkedPage { due: vec![parked()], next_due: None }
    }

    fn source() -> ParkedSource {
        ParkedSource::new(Lane::Primary, 1, Timestamp::default())
    }

    #[test]
    fn reads_again_what_was_due_while_it_was_in_memory() {
        let mut source = source();
        source.read_at = None;
        assert_eq!(source.found(page()).len(), 1);
        assert!(source.found(page()).is_empty(), "it is in memory");
        assert_eq!(source.read_at(), None);
        source.give_back(7);
        assert_eq!(source.read_at(), Some(Timestamp::default()));
    }

    #[test]
    fn what_was_seen_before_it_was_tried_is_not_tried_again_for_that() {
        let mut source = source();
        assert_eq!(source.found(page()).len(), 1);
        (source.reading, source.read_at) = (true, None);
        source.give_back(7);
        assert!(source.found(page()).is_empty(), "it was tried while the read was under way");
        assert_eq!(source.read_at(), Some(Timestamp::default()), "it may be due all the same");
        source.reading = true;
        assert_eq!(source.found(page()).len(), 1);
    }

    #[test]
    fn does_not_read_again_what_was_not_due_meanwhile() {
        let mut source = source();
        source.read_at = None;
        source.found(page());
        source.give_back(7);
        assert_eq!(source.read_at(), None);
    }

    #[test]
    fn does_not_read_while_memory_is_full() {
        let mut source = source();
        source.found(page());
        source.expect(Timestamp::default());
        assert_eq!(source.read_at(), None);
        source.give_back(7);
        assert_eq!(source.read_at(), Some(Timestamp::default()));
    }
}
