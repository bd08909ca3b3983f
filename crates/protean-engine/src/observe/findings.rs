//! What the pages show.

use std::sync::Arc;

use super::cached_probe::Seen;
use super::metrics::Metrics;
use super::status::SubscriptionStatus;
use crate::relay::RelayStatus;

/// What all pages but `/livez` show, at one moment.
pub(super) struct Findings<'a> {
    pub(super) domain: &'a str,
    pub(super) metrics: &'a Metrics,
    pub(super) store: StoreState,
    /// `None` when the store has never answered.
    pub(super) subscriptions: Option<Seen<Arc<[SubscriptionStatus]>>>,
    /// `None` when the store has never answered.
    pub(super) relays: Option<Seen<Arc<[RelayStatus]>>>,
}

/// Whether the store or the broker answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoreState {
    Answers,
    Fails,
    Silent,
}

impl StoreState {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Answers => "ok",
            Self::Fails => "cannot be read or written",
            Self::Silent => "does not answer",
        }
    }
}
