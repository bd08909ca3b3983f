//! What a relay publishes and settles together.

use protean_port::message::Lane;
use protean_port::port::Delivery;

/// One lane of one route of the plan: a broker stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RouteLane {
    /// The index of the route in the plan.
    pub(super) route: usize,
    pub(super) lane: Lane,
}

/// Messages of one lane of a category, in the order of the log.
pub(super) struct Page {
    pub(super) of: RouteLane,
    pub(super) deliveries: Vec<Delivery>,
    /// How many of them each entry stands for.
    pub(super) per_entry: usize,
}
