//! How one handler gets its messages, with every question answered.

use std::fmt;
use std::time::Duration;

use super::form::Choice;

/// Where a subscription reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionType {
    /// The streams of the broker.
    Stream,
    /// The log of the database.
    EventStore,
}

/// The order of messages that a handler can rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering {
    /// The messages of one aggregate come in order, across retries and lanes.
    Stream,
    /// First in, first out in each lane, and nothing more.
    None,
}

/// What happens to later messages of an aggregate of which one is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDeadLetter {
    /// They wait behind it.
    Hold,
    /// They pass it.
    Skip,
}

/// Where a handler that is new to the domain begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartFrom {
    /// At the first message of the log.
    Beginning,
    /// At the first message after its registration.
    Head,
}

/// The settings of one subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionConfig {
    /// Where it reads.
    pub subscription_type: SubscriptionType,
    /// The most messages taken in one read.
    pub messages_per_tick: usize,
    /// How long a read of a broker stream waits for a first message.
    pub blocking_timeout: Duration,
    /// The number of retries before a message that fails is dead.
    pub max_retries: u32,
    /// The wait before the first retry; later ones take longer.
    pub retry_delay: Duration,
    /// Whether a dead message is kept for inspection and replay.
    pub enable_dlq: bool,
    /// The number of failures in a row that open the circuit breaker.
    pub circuit_breaker_threshold: u32,
    /// How long an open breaker waits before it lets one message try.
    pub circuit_breaker_reset: Duration,
    /// The order of messages that the handler can rely on.
    pub ordering: Ordering,
    /// What happens behind a dead message.
    pub on_dead_letter: OnDeadLetter,
    /// Where it begins when new; the kind of handler decides when unset.
    pub start_from: Option<StartFrom>,
    /// How long handling one message may take; without limit when unset.
    pub handler_timeout: Option<Duration>,
}

impl SubscriptionConfig {
    /// What applies when neither the code nor the file says anything.
    pub(super) const fn built_in(subscription_type: SubscriptionType) -> Self {
        Self {
            subscription_type,
            messages_per_tick: 10,
            blocking_timeout: Duration::from_millis(5000),
            max_retries: 3,
            retry_delay: Duration::from_secs(1),
            enable_dlq: true,
            circuit_breaker_threshold: 10,
            circuit_breaker_reset: Duration::from_secs(60),
            ordering: Ordering::Stream,
            on_dead_letter: OnDeadLetter::Hold,
            start_from: None,
            handler_timeout: None,
        }
    }
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
