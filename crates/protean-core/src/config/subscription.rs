//! How one handler is fed, with every question answered.

use std::fmt;
use std::time::Duration;

use super::choice::Choice;

/// Where a subscription reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionType {
    /// The streams of the broker.
    Stream,
    /// The log of the database.
    EventStore,
}

/// What a handler may rely on about the order of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering {
    /// The messages of one aggregate come in order, across retries and lanes.
    Stream,
    /// First in, first out in each lane, and no more.
    None,
}

/// What happens to later messages of an aggregate of which one is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDeadLetter {
    /// They wait behind it.
    Hold,
    /// They flow past it.
    Skip,
}

/// Where a handler that is new to the domain begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartFrom {
    /// At the first message there ever was.
    Beginning,
    /// At the first message after its registration.
    Head,
}

/// The settings of one subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Where it reads.
    pub subscription_type: SubscriptionType,
    /// The most messages taken in one read.
    pub messages_per_tick: usize,
    /// The pause between reads.
    pub tick_interval: Duration,
    /// How long a read waits for a first message.
    pub blocking_timeout: Duration,
    /// How often a message that failed is tried again before it is dead.
    pub max_retries: u32,
    /// The wait before the first retry; later ones take longer.
    pub retry_delay: Duration,
    /// Whether a dead message is kept for inspection and replay.
    pub enable_dlq: bool,
    /// After how many messages the position is written down.
    pub position_update_interval: u32,
    /// How many entries a stream keeps that every group has handled; none for no limit.
    pub retention_maxlen: Option<u64>,
    /// How many failures in a row open the circuit breaker.
    pub circuit_breaker_threshold: u32,
    /// How long an open breaker waits before it lets a message try.
    pub circuit_breaker_reset: Duration,
    /// What the handler may rely on.
    pub ordering: Ordering,
    /// What happens behind a dead message.
    pub on_dead_letter: OnDeadLetter,
    /// Where it begins when new; the kind of handler decides when unset.
    pub start_from: Option<StartFrom>,
    /// How long handling one message may take; as long as it likes when unset.
    pub handler_timeout: Option<Duration>,
}

impl Choice for SubscriptionType {
    const ALL: &'static [(&'static str, Self)] =
        &[("stream", Self::Stream), ("event_store", Self::EventStore)];
}

impl fmt::Display for SubscriptionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Choice for Ordering {
    const ALL: &'static [(&'static str, Self)] = &[("stream", Self::Stream), ("none", Self::None)];
}

impl Choice for OnDeadLetter {
    const ALL: &'static [(&'static str, Self)] = &[("hold", Self::Hold), ("skip", Self::Skip)];
}

impl Choice for StartFrom {
    const ALL: &'static [(&'static str, Self)] =
        &[("beginning", Self::Beginning), ("head", Self::Head)];
}
