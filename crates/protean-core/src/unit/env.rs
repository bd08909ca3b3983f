//! What every unit of a domain shares.

use std::sync::Arc;

use protean_port::message::LaneRule;
use protean_port::port::Clock;

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
    /// The turns that bulk work takes on this machine.
    pub machine_turns: Arc<MachineTurns>,
}

impl Env {
    /// A step of production begins in this process: bulk work steps aside for it.
    pub fn production_begins(&self) {
        self.machine_turns.production.begin();
    }

    pub(crate) fn now(&self) -> protean_port::message::Timestamp {
        self.clock.now()
    }
}
