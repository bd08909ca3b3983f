//! Where a worker's messages come from: the log, or a broker that shares them out.

pub(crate) mod broker_reader;
pub(crate) mod broker_source;
pub(crate) mod log_source;
pub(crate) mod names;
pub(crate) mod page_size;
mod receive_span;
pub(crate) mod shared_reads;
pub(crate) mod unreadable;

use std::time::Duration;

use protean_port::port::Delivery;

use crate::worker::lanes::Lanes;
use shared_reads::SharedReads;

/// Where the messages of a group are read.
pub(crate) enum Source {
    /// In the log, by the one process that has the claim.
    Log,
    /// From a broker that hands them out to every process of the group. The one that
    /// has the claim looks after what is parked and what dead processes have left.
    Broker(Box<SharedReads>),
}

impl Source {
    /// True when nothing that was begun here has still to end.
    pub(crate) fn is_at_rest(&self) -> bool {
        match self {
            Self::Log => true,
            Self::Broker(reads) => reads.is_at_rest(),
        }
    }

    /// Starts the reads there is room for in `lanes`, and the upkeep of what was read.
    /// What dead processes have left is looked for by the process that `leads`.
    pub(crate) fn start(&mut self, lanes: &Lanes<Delivery>, leads: bool, now: Duration) {
        if let Self::Broker(reads) = self {
            reads.start(lanes, leads, now);
        }
    }

    /// Starts to settle all that is durable, once nothing more starts.
    pub(crate) fn settle_done(&mut self) {
        if let Self::Broker(reads) = self {
            reads.settle_done();
        }
    }

    /// The next messages for the worker to handle, which may be none. Dropping the future loses
    /// nothing; it never ends for a worker that reads the log.
    pub(crate) async fn next(&mut self, now: Duration) -> Vec<Delivery> {
        match self {
            Self::Log => std::future::pending().await,
            Self::Broker(reads) => reads.next(now).await,
        }
    }

    /// A message is durable or parked, wherever it came from.
    pub(crate) fn durable(&mut self, position: u64) {
        if let Self::Broker(reads) = self {
            reads.durable(position);
        }
    }

    /// The unit of a message was left out: it is parked, or another process has settled
    /// it, or it has to run again.
    pub(crate) fn reconsider(&mut self, delivery: &Delivery) {
        if let Self::Broker(reads) = self {
            reads.reconsider(delivery);
        }
    }

    /// When there is something to do that no event announces.
    pub(crate) fn due(&self, leads: bool) -> Option<Duration> {
        match self {
            Self::Log => None,
            Self::Broker(reads) => reads.due(leads),
        }
    }

    /// Gives back what was read and not handled.
    pub(crate) async fn leave(self) {
        if let Self::Broker(reads) = self {
            reads.leave().await;
        }
    }
}
