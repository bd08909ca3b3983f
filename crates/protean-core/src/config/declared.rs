//! What one place says about a subscription; what it leaves open is for the next place.

use std::time::Duration;

use super::quantity::{ANY, SOME};
use super::section::Section;
use super::subscription::{OnDeadLetter, Ordering, StartFrom, Subscription, SubscriptionType};

/// What a handler declares in code about its subscription.
///
/// The fields are those of [`Subscription`]; an unset one is answered by the profile, by
/// `[server.subscriptions.HANDLER]`, by the server, and so on down the documented chain. A
/// profile is stronger than `subscription_type` and weaker than every other field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// The name of a profile.
    pub profile: Option<&'static str>,
    /// Where it reads.
    pub subscription_type: Option<SubscriptionType>,
    /// The most messages taken in one read.
    pub messages_per_tick: Option<usize>,
    /// The pause between reads.
    pub tick_interval: Option<Duration>,
    /// How long a read waits for a first message.
    pub blocking_timeout: Option<Duration>,
    /// How often a message that failed is tried again before it is dead.
    pub max_retries: Option<u32>,
    /// The wait before the first retry.
    pub retry_delay: Option<Duration>,
    /// Whether a dead message is kept.
    pub enable_dlq: Option<bool>,
    /// After how many messages the position is written down.
    pub position_update_interval: Option<u32>,
    /// How many handled entries a stream keeps.
    pub retention_maxlen: Option<u64>,
    /// How many failures in a row open the circuit breaker.
    pub circuit_breaker_threshold: Option<u32>,
    /// How long an open breaker waits.
    pub circuit_breaker_reset: Option<Duration>,
    /// What the handler may rely on about order.
    pub ordering: Option<Ordering>,
    /// What happens behind a dead message.
    pub on_dead_letter: Option<OnDeadLetter>,
    /// Where it begins when new.
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
        tick_interval: None,
        blocking_timeout: None,
        max_retries: None,
        retry_delay: None,
        enable_dlq: None,
        position_update_interval: None,
        retention_maxlen: None,
        circuit_breaker_threshold: None,
        circuit_breaker_reset: None,
        ordering: None,
        on_dead_letter: None,
        start_from: None,
        handler_timeout: None,
    };

    /// What this says, and where it says nothing, what `weaker` says.
    pub(super) fn or(self, weaker: Self) -> Self {
        Self {
            profile: self.profile.or(weaker.profile),
            subscription_type: self.subscription_type.or(weaker.subscription_type),
            messages_per_tick: self.messages_per_tick.or(weaker.messages_per_tick),
            tick_interval: self.tick_interval.or(weaker.tick_interval),
            blocking_timeout: self.blocking_timeout.or(weaker.blocking_timeout),
            max_retries: self.max_retries.or(weaker.max_retries),
            retry_delay: self.retry_delay.or(weaker.retry_delay),
            enable_dlq: self.enable_dlq.or(weaker.enable_dlq),
            position_update_interval: self
                .position_update_interval
                .or(weaker.position_update_interval),
            retention_maxlen: self.retention_maxlen.or(weaker.retention_maxlen),
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

    /// Everything answered: by this, or else by `built_in`.
    pub(super) fn over(self, built_in: Subscription) -> Subscription {
        Subscription {
            subscription_type: self.subscription_type.unwrap_or(built_in.subscription_type),
            messages_per_tick: self.messages_per_tick.unwrap_or(built_in.messages_per_tick),
            tick_interval: self.tick_interval.unwrap_or(built_in.tick_interval),
            blocking_timeout: self.blocking_timeout.unwrap_or(built_in.blocking_timeout),
            max_retries: self.max_retries.unwrap_or(built_in.max_retries),
            retry_delay: self.retry_delay.unwrap_or(built_in.retry_delay),
            enable_dlq: self.enable_dlq.unwrap_or(built_in.enable_dlq),
            position_update_interval: self
                .position_update_interval
                .unwrap_or(built_in.position_update_interval),
            retention_maxlen: self.retention_maxlen.or(built_in.retention_maxlen),
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

    /// Reads every field of a profile or of `[server.subscriptions.HANDLER]`.
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            profile: None,
            subscription_type: section.choice("subscription_type"),
            tick_interval: section.seconds("tick_interval"),
            messages_per_tick: section.whole("messages_per_tick", SOME),
            position_update_interval: section.whole("position_update_interval", SOME),
            ordering: section.choice("ordering"),
            on_dead_letter: section.choice("on_dead_letter"),
            start_from: section.choice("start_from"),
            handler_timeout: section.some_seconds("handler_timeout_seconds"),
            ..Self::read_stream(section)
        }
    }

    /// Reads `[server.stream_subscription]`.
    pub(super) fn read_stream(section: &mut Section<'_>) -> Self {
        Self {
            blocking_timeout: section.some_milliseconds("blocking_timeout_ms"),
            enable_dlq: section.flag("enable_dlq"),
            retention_maxlen: section.whole("retention_maxlen", 1..=i64::MAX),
            ..Self::read_retries(section)
        }
    }

    /// Reads what `[server.event_store_subscription]` says about every subscription of its type.
    pub(super) fn read_event_store(section: &mut Section<'_>) -> Self {
        Self {
            position_update_interval: section.whole("position_update_interval", SOME),
            ..Self::read_retries(section)
        }
    }

    /// Reads what `[server.broker_subscription]` says about every subscriber.
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
