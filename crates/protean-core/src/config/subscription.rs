//! The settings of one subscription: what one place says about it, and the answer to every
//! question.

use std::time::Duration;

use super::form::choices;
use super::section::{Fixed, Section};
use super::values::{ANY, SOME};

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
#[non_exhaustive]
pub enum Ordering {
    /// The messages of one aggregate come in order, across retries and lanes.
    Stream,
    /// First in, first out in each lane, and nothing more.
    None,
}

/// What happens to later messages of an aggregate of which one is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDeadLetter {
    /// They wait behind it.
    Hold,
    /// They pass it.
    Skip,
}

/// Where a handler that is new to the domain begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartFrom {
    /// At the first message of the log.
    Beginning,
    /// At the first message after its registration.
    Head,
}

/// The settings of one subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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

/// What a handler declares in code about its subscription.
///
/// The fields are those of [`SubscriptionConfig`]. An unset one is answered by the profile, by
/// `[server.subscriptions.HANDLER]`, by the server, and so on down the documented chain. A
/// profile is stronger than `subscription_type` and weaker than every other field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// The name of a profile.
    pub profile: Option<&'static str>,
    /// Where the subscription reads.
    pub subscription_type: Option<SubscriptionType>,
    /// The most messages taken in one read.
    pub messages_per_tick: Option<usize>,
    /// How long a read of a broker stream waits for a first message.
    pub blocking_timeout: Option<Duration>,
    /// The number of retries before a message that fails is dead.
    pub max_retries: Option<u32>,
    /// The wait before the first retry.
    pub retry_delay: Option<Duration>,
    /// Whether a dead message is kept.
    pub enable_dlq: Option<bool>,
    /// The number of failures in a row that open the circuit breaker.
    pub circuit_breaker_threshold: Option<u32>,
    /// How long an open breaker waits.
    pub circuit_breaker_reset: Option<Duration>,
    /// The order of messages that the handler can rely on.
    pub ordering: Option<Ordering>,
    /// What happens behind a dead message.
    pub on_dead_letter: Option<OnDeadLetter>,
    /// Where the subscription begins when new.
    pub start_from: Option<StartFrom>,
    /// How long handling one message may take.
    pub handler_timeout: Option<Duration>,
}

impl Declared {
    /// Nothing declared.
    pub const NONE: Self = Self {
        profile: None,
        subscription_type: None,
        messages_per_tick: None,
        blocking_timeout: None,
        max_retries: None,
        retry_delay: None,
        enable_dlq: None,
        circuit_breaker_threshold: None,
        circuit_breaker_reset: None,
        ordering: None,
        on_dead_letter: None,
        start_from: None,
        handler_timeout: None,
    };

    /// This, completed by what `weaker` says.
    pub(super) fn or(self, weaker: Self) -> Self {
        Self {
            profile: self.profile.or(weaker.profile),
            subscription_type: self.subscription_type.or(weaker.subscription_type),
            messages_per_tick: self.messages_per_tick.or(weaker.messages_per_tick),
            blocking_timeout: self.blocking_timeout.or(weaker.blocking_timeout),
            max_retries: self.max_retries.or(weaker.max_retries),
            retry_delay: self.retry_delay.or(weaker.retry_delay),
            enable_dlq: self.enable_dlq.or(weaker.enable_dlq),
            circuit_breaker_threshold: self
                .circuit_breaker_threshold
                .or(weaker.circuit_breaker_threshold),
            circuit_breaker_reset: self.circuit_breaker_reset.or(weaker.circuit_breaker_reset),
            ordering: self.ordering.or(weaker.ordering),
            on_dead_letter: self.on_dead_letter.or(weaker.on_dead_letter),
            start_from: self.start_from.or(weaker.start_from),
            handler_timeout: self.handler_timeout.or(weaker.handler_timeout),
        }
    }

    /// Every question answered: by this, or else by `built_in`.
    pub(super) fn over(self, built_in: SubscriptionConfig) -> SubscriptionConfig {
        SubscriptionConfig {
            subscription_type: self.subscription_type.unwrap_or(built_in.subscription_type),
            messages_per_tick: self.messages_per_tick.unwrap_or(built_in.messages_per_tick),
            blocking_timeout: self.blocking_timeout.unwrap_or(built_in.blocking_timeout),
            max_retries: self.max_retries.unwrap_or(built_in.max_retries),
            retry_delay: self.retry_delay.unwrap_or(built_in.retry_delay),
            enable_dlq: self.enable_dlq.unwrap_or(built_in.enable_dlq),
            circuit_breaker_threshold: self
                .circuit_breaker_threshold
                .unwrap_or(built_in.circuit_breaker_threshold),
            circuit_breaker_reset: self
                .circuit_breaker_reset
                .unwrap_or(built_in.circuit_breaker_reset),
            ordering: self.ordering.unwrap_or(built_in.ordering),
            on_dead_letter: self.on_dead_letter.unwrap_or(built_in.on_dead_letter),
            start_from: self.start_from.or(built_in.start_from),
            handler_timeout: self.handler_timeout.or(built_in.handler_timeout),
        }
    }

    /// Reads what `[server]` itself says about every subscription.
    pub(super) fn read_server(section: &mut Section<'_>) -> Self {
        ignore_tick_interval(section);
        Self {
            subscription_type: section.choice("default_subscription_type"),
            messages_per_tick: section.whole("messages_per_tick", SOME),
            handler_timeout: section.some_seconds("handler_timeout_seconds"),
            ..Self::NONE
        }
    }

    /// Reads every field of a profile or of `[server.subscriptions.HANDLER]`.
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        ignore_tick_interval(section);
        ignore_position_update_interval(section);
        Self {
            subscription_type: section.choice("subscription_type"),
            messages_per_tick: section.whole("messages_per_tick", SOME),
            ordering: section.choice("ordering"),
            on_dead_letter: section.choice("on_dead_letter"),
            start_from: section.choice("start_from"),
            handler_timeout: section.some_seconds("handler_timeout_seconds"),
            ..Self::read_stream(section)
        }
    }

    /// Reads `[server.stream_subscription]`.
    pub(super) fn read_stream(section: &mut Section<'_>) -> Self {
        section.ignored(
            "retention_maxlen",
            "an entry leaves its stream once every group has handled it; remove the key",
        );
        Self {
            blocking_timeout: section.some_milliseconds("blocking_timeout_ms"),
            enable_dlq: section.flag("enable_dlq"),
            ..Self::read_retries(section)
        }
    }

    /// Reads `[server.event_store_subscription]`.
    pub(super) fn read_event_store(section: &mut Section<'_>) -> Self {
        ignore_position_update_interval(section);
        ignore_recovery(section);
        Self::read_retries(section)
    }

    /// Reads `[server.broker_subscription]`, which speaks of every subscriber.
    pub(super) fn read_broker(section: &mut Section<'_>) -> Self {
        Self {
            max_retries: section.whole("max_retries", ANY),
            retry_delay: section.seconds("retry_delay_seconds"),
            enable_dlq: section.flag("enable_dlq"),
            ..Self::NONE
        }
    }

    fn read_retries(section: &mut Section<'_>) -> Self {
        Self {
            max_retries: section.whole("max_retries", ANY),
            retry_delay: section.seconds("retry_delay_seconds"),
            circuit_breaker_threshold: section.whole("circuit_breaker_threshold", SOME),
            circuit_breaker_reset: section.seconds("circuit_breaker_reset_seconds"),
            ..Self::NONE
        }
    }
}

fn ignore_tick_interval(section: &mut Section<'_>) {
    let because =
        "the server does not pause between reads, and wakes on every commit; remove the key";
    section.ignored_unless("tick_interval", Fixed::Number(0.0), because);
}

fn ignore_position_update_interval(section: &mut Section<'_>) {
    section.ignored(
        "position_update_interval",
        "a position is stored in the same transaction as what the handler did; remove the key",
    );
}

/// Keys about looking again for messages that were left behind, of which there are none here.
pub(super) fn ignore_recovery(section: &mut Section<'_>) {
    section.ignored_unless(
        "enable_recovery",
        Fixed::Flag(true),
        "a failed message is always retried; set max_retries instead",
    );
    section.ignored(
        "recovery_interval_seconds",
        "a failed message is retried as soon as it is due; see retry_delay_seconds",
    );
    section.ignored(
        "gap_timeout_seconds",
        "the log is read in the order of its commits, so no gap has to be waited for; remove the key",
    );
}

choices!(SubscriptionType: "stream" is Stream, "event_store" is EventStore);

choices!(Ordering: "stream" is Stream, "none" is None);

choices!(OnDeadLetter: "hold" is Hold, "skip" is Skip);

choices!(StartFrom: "beginning" is Beginning, "head" is Head);
