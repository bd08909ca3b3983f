//! Decides whether a handler is given messages of a lane. Pure: the caller brings the time.
//!
//! ```text
//! closed ──(failures in a row)──▶ open ──(the reset passes)──▶ probing
//!    ▲                              ▲                             │
//!    ├──────(a success)─────────────┼─────────────────────────────┤
//!    └                              └──────────(a failure)────────┘
//! ```
//!
//! While it is open, messages wait in the log and use up no attempt; those that failed
//! before stay parked.

use std::time::Duration;

/// What the outcome of a message says about its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The handler did its work, or refused the message.
    Fine,
    /// The handler failed, or what it needs is down.
    Failed,
    /// The outcome was not up to the handler.
    Neither,
}

/// The breaker of one handler and lane.
#[derive(Clone, Debug)]
pub struct Breaker {
    threshold: u32,
    reset: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Duration },
    Probing,
}

impl Breaker {
    /// A breaker that opens after `threshold` failures in a row, or never if that is 0, and
    /// lets one message try after `reset`.
    pub fn new(threshold: u32, reset: Duration) -> Self {
        Self { threshold, reset, state: State::Closed { failures: 0 } }
    }

    /// Whether a message may start, at a time since some fixed moment.
    pub fn allows(&self, now: Duration) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until } => until <= now,
            State::Probing => false,
        }
    }

    /// A message that was allowed to start has started.
    pub fn started(&mut self) {
        if let State::Open { .. } = self.state {
            self.state = State::Probing;
        }
    }

    /// A message has ended; true when this opens the breaker, or opens it again.
    pub fn ended(&mut self, end: End, now: Duration) -> bool {
        self.state = match (end, self.state) {
            (End::Fine, _) => State::Closed { failures: 0 },
            (End::Failed, State::Closed { failures }) if failures + 1 != self.threshold => {
                // The count of a breaker that never opens must not overflow.
                State::Closed { failures: (failures + 1).min(self.threshold) }
            }
            (End::Failed, State::Closed { .. } | State::Probing) => {
                self.state = State::Open { until: now + self.reset };
                return true;
            }
            (End::Neither, State::Probing) => State::Open { until: now },
            (_, state) => state,
        };
        false
    }

    /// When it lets a message try, when it is open.
    pub fn tries_at(&self) -> Option<Duration> {
        match self.state {
            State::Open { until } => Some(until),
            State::Closed { .. } | State::Probing => None,
        }
    }

    /// True unless messages flow freely.
    pub fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed { .. })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::{Just, any, prop_oneof, proptest};

    use super::{Breaker, End};

    const MINUTE: Duration = Duration::from_secs(60);
    const START: Duration = Duration::ZERO;

    fn opened() -> Breaker {
        let mut breaker = Breaker::new(3, MINUTE);
        assert!(!breaker.ended(End::Failed, START));
        assert!(!breaker.ended(End::Failed, START));
        assert!(breaker.ended(End::Failed, START));
        breaker
    }

    #[test]
    fn opens_after_failures_in_a_row() {
        let breaker = opened();
        assert!(!breaker.allows(MINUTE - Duration::from_nanos(1)));
        assert_eq!(breaker.tries_at(), Some(MINUTE));
    }

    #[test]
    fn a_success_begins_the_count_anew() {
        let mut breaker = Breaker::new(2, MINUTE);
        for _ in 0..9 {
            assert!(!breaker.ended(End::Failed, START));
            assert!(!breaker.ended(End::Neither, START));
            assert!(!breaker.ended(End::Fine, START));
        }
        assert!(breaker.allows(START));
    }

    #[test]
    fn lets_one_message_try_after_the_reset() {
        let mut breaker = opened();
        assert!(breaker.allows(MINUTE));
        breaker.started();
        assert!(!breaker.allows(MINUTE), "one is enough");
        assert!(breaker.ended(End::Failed, MINUTE));
        assert!(!breaker.allows(MINUTE));
        assert!(breaker.allows(MINUTE * 2));
        breaker.started();
        assert!(!breaker.ended(End::Fine, MINUTE * 2));
        assert!(breaker.allows(MINUTE * 2) && !breaker.is_open());
    }

    #[test]
    fn a_try_that_decides_nothing_is_made_again() {
        let mut breaker = opened();
        breaker.started();
        breaker.ended(End::Neither, MINUTE);
        assert!(breaker.allows(MINUTE));
    }

    #[test]
    fn what_ran_when_it_opened_does_not_open_it_for_longer() {
        let mut breaker = opened();
        assert!(!breaker.ended(End::Failed, MINUTE / 2));
        assert_eq!(breaker.tries_at(), Some(MINUTE));
    }

    #[test]
    fn never_opens_without_a_threshold() {
        let mut breaker = Breaker::new(0, MINUTE);
        assert!((0..100).all(|_| !breaker.ended(End::Failed, START) && breaker.allows(START)));
    }

    proptest! {
        #[test]
        fn is_never_shut_for_ever(
            ends in proptest::collection::vec(
                (prop_oneof![Just(End::Fine), Just(End::Failed), Just(End::Neither)], any::<bool>()),
                0..60,
            ),
        ) {
            let (mut breaker, mut now, mut running) = (Breaker::new(3, MINUTE), START, 0_u32);
            for (end, start) in ends {
                now += Duration::from_secs(7);
                if start && breaker.allows(now) {
                    breaker.started();
                    running += 1;
                } else if running > 0 {
                    breaker.ended(end, now);
                    running -= 1;
                }
            }
            for _ in 0..running {
                breaker.ended(End::Neither, now);
            }
            assert!(breaker.allows(now + MINUTE), "{breaker:?}");
        }
    }
}
