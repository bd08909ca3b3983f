//! What every unit of a domain shares.

use std::sync::Arc;

use protean_port::message::{LaneRule, TraceParent};
use protean_port::port::{Clock, Tracer};

use super::enrichment::Enricher;
use super::known_correlations::KnownCorrelations;
use super::machine_turns::MachineTurns;
use super::store_clock::StoreClock;
use crate::catalog::Catalog;
use crate::config::Config;

/// What every unit of a domain shares: its configuration, its clock, which
/// priorities are bulk work, and what it declares.
#[derive(Clone)]
pub struct Env {
    pub(crate) config: Arc<Config>,
    pub(crate) lanes: LaneRule,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) correlations: KnownCorrelations,
    pub(crate) store_clock: StoreClock,
    pub(crate) enrichers: Arc<[Enricher]>,
    /// Records spans; `None` where none are wanted.
    pub(crate) tracer: Option<Arc<dyn Tracer>>,
    /// The turns that bulk work takes on this machine.
    pub machine_turns: Arc<MachineTurns>,
}

impl Env {
    /// A step of production begins in this process: bulk work steps aside for it.
    pub fn production_begins(&self) {
        self.machine_turns.production.begin();
    }

    /// True when spans are recorded.
    pub fn records_spans(&self) -> bool {
        self.tracer.is_some()
    }

    /// The trace context of the span around the caller.
    pub(crate) fn current_trace(&self) -> Option<TraceParent> {
        self.tracer.as_ref()?.current()
    }

    pub(crate) fn now(&self) -> protean_port::message::Timestamp {
        self.clock.now()
    }
}
