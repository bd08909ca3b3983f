//! What a worker reads: the lanes of its category in the log, and what is parked.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use protean_core::message::{Lane, Priority, Timestamp};
use protean_core::port::{Delivery, LaneRead, ParkedPage};

use crate::job::Bench;

/// How far a worker has read one lane.
pub(crate) struct LaneSource {
    pub(crate) lane: Lane,
    page: usize,
    after: HashMap<Priority, u64>,
    /// There may be messages that have not been read.
    more: bool,
    reading: bool,
}

impl LaneSource {
    /// Nothing read yet; `page` messages are read at once.
    pub(crate) fn new(lane: Lane, page: usize) -> Self {
        Self { lane, page, after: HashMap::new(), more: true, reading: false }
    }

    /// Something was committed, perhaps for this lane.
    pub(crate) fn wake(&mut self) {
        self.more = true;
    }

    /// The read to start now, when `waiting` messages of the lane are in memory.
    pub(crate) fn next(&mut self, bench: &Bench, waiting: usize) -> Option<LaneRead> {
        if self.reading || !self.more || waiting >= self.page {
            return None;
        }
        (self.reading, self.more) = (true, false);
        Some(LaneRead {
            group: bench.group.name.to_string(),
            category: bench.group.category.clone(),
            range: bench.domain.lanes().range(self.lane),
            after: self.after.iter().map(|(priority, position)| (*priority, *position)).collect(),
            limit: self.page,
        })
    }

    /// A read has ended; one that failed is to be made again.
    pub(crate) fn read(&mut self, deliveries: Option<&[Delivery]>) {
        self.reading = false;
        let Some(deliveries) = deliveries else {
            self.more = true;
            return;
        };
        self.more |= deliveries.len() == self.page;
        for delivery in deliveries {
            let after = self.after.entry(delivery.recorded.message.priority).or_default();
            *after = (*after).max(delivery.recorded.position);
        }
    }
}

/// What is known of a group's parked messages.
#[derive(Default)]
pub(crate) struct ParkedSource {
    /// When to look again; never when nothing is parked.
    look_at: Option<Timestamp>,
    reading: bool,
    /// Parked messages that are in memory, and whether they were found due meanwhile.
    taken: HashMap<u64, bool>,
}

impl ParkedSource {
    /// To be looked at once, for what an earlier process left.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { look_at: Some(now), ..Self::default() }
    }

    /// A message was parked until `due`.
    pub(crate) fn expect(&mut self, due: Timestamp) {
        self.look_at = Some(self.look_at.map_or(due, |look_at| look_at.min(due)));
    }

    /// When to look, while nobody does.
    pub(crate) fn look_at(&self) -> Option<Timestamp> {
        self.look_at.filter(|_| !self.reading)
    }

    /// Starts to look when it is time; gives how many messages to ask for.
    pub(crate) fn start(&mut self, now: Timestamp, page: usize) -> Option<usize> {
        self.look_at().filter(|look_at| *look_at <= now)?;
        (self.reading, self.look_at) = (true, None);
        // What is in memory stays parked until it commits, and comes along again.
        Some(page + self.taken.len())
    }

    /// Takes in what was found; gives what is not in memory yet.
    pub(crate) fn found(&mut self, page: ParkedPage) -> Vec<Delivery> {
        self.reading = false;
        page.next_due.into_iter().for_each(|due| self.expect(due));
        let mut due = page.due;
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

    /// Looking failed; it is to be done again at `when`.
    pub(crate) fn failed(&mut self, when: Timestamp) {
        self.reading = false;
        self.expect(when);
    }

    /// A message is in memory and not to be found again.
    pub(crate) fn take(&mut self, position: u64) {
        self.taken.insert(position, false);
    }

    /// A parked message is out of memory again. When it was found due while it
    /// was in memory it may be so still: somebody released it in between.
    pub(crate) fn give_back(&mut self, position: u64) {
        if self.taken.remove(&position) == Some(true) {
            self.expect(Timestamp::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protean_core::message::{Category, Extensions, Kind, Message, Recorded};

    use super::{Delivery, ParkedPage, ParkedSource, Timestamp};

    fn parked() -> Delivery {
        let message = Message {
            id: Arc::from("m"),
            stream: Category::named("c").stream(&"1".into()),
            kind: Kind::Event,
            type_name: Arc::from("C.E.v1"),
            version: 1,
            priority: Default::default(),
            correlation_id: Arc::from("m"),
            causation_id: None,
            time: Timestamp::default(),
            data: Arc::from("{}"),
            extensions: Extensions::default(),
        };
        let recorded = Recorded { position: 7, stream_position: 0, message };
        Delivery { recorded, next: 0, attempts: 1, parked: true }
    }

    fn page() -> ParkedPage {
        ParkedPage { due: vec![parked()], next_due: None }
    }

    #[test]
    fn looks_again_for_what_was_due_while_it_was_in_memory() {
        let now = Timestamp::from_micros(5);
        let mut source = ParkedSource::new(now);
        assert_eq!(source.start(now, 10), Some(10));
        assert_eq!(source.found(page()).len(), 1);
        source.expect(now);
        assert_eq!(source.start(now, 10), Some(11));
        assert!(source.found(page()).is_empty(), "it is in memory");
        assert_eq!(source.look_at(), None);
        source.give_back(7);
        assert!(source.look_at().is_some_and(|look_at| look_at <= now));
    }

    #[test]
    fn does_not_look_again_for_what_was_not_due_meanwhile() {
        let now = Timestamp::from_micros(5);
        let mut source = ParkedSource::new(now);
        source.start(now, 10);
        source.found(page());
        source.give_back(7);
        assert_eq!(source.look_at(), None);
    }
}
