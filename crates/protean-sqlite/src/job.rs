//! A list of units on its way through the writer.

use std::sync::Arc;

use protean_port::message::Lane;
use protean_port::port::{Changes, Outcome};
use tokio::sync::oneshot;

/// A list of units, what became of those that are settled, and who waits for it.
pub(crate) struct Job {
    pub(crate) units: Arc<[Changes]>,
    pub(crate) outcomes: Vec<Outcome>,
    reply: oneshot::Sender<Vec<Outcome>>,
}

impl Job {
    /// A list nothing of which is settled, and where to wait for it.
    pub(crate) fn new(units: Arc<[Changes]>) -> (Self, oneshot::Receiver<Vec<Outcome>>) {
        let (reply, receiver) = oneshot::channel();
        let outcomes = Vec::with_capacity(units.len());
        (Self { units, outcomes, reply }, receiver)
    }

    /// The lane of a list is that of its first unit.
    pub(crate) fn lane(&self) -> Lane {
        self.units.first().map_or(Lane::Primary, |unit| unit.lane)
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.open() == 0
    }

    /// How many units are not settled.
    pub(crate) fn open(&self) -> usize {
        self.units.len().saturating_sub(self.outcomes.len())
    }

    /// Gives up what is not settled: a later unit must not become durable
    /// without those before it.
    pub(crate) fn give_up(&mut self, why: &str) {
        self.outcomes.resize(self.units.len(), Outcome::Unavailable(why.to_owned()));
    }

    /// Tells the one who waits, if anybody still does.
    pub(crate) fn finish(self) {
        self.reply.send(self.outcomes).unwrap_or_default();
    }
}
