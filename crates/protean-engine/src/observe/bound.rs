//! The longest wait of a production message, as the settings bound it.

use std::fmt;
use std::time::Duration;

use protean_core::config::LanePolicy;
use protean_core::domain::Domain;
use serde::Serialize;

/// The longest that a production message can wait when no other one is ahead of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProductionBound {
    /// Whether bulk work waits for production.
    lanes: bool,
    /// When backfill runs although production has work.
    #[serde(skip)]
    policy: LanePolicy,
    /// The longest that a handler may run; `None` when one of them has no limit.
    handler_timeout_seconds: Option<f64>,
    /// The handlers without a limit.
    #[serde(skip)]
    unlimited: Vec<String>,
}

impl ProductionBound {
    /// The bound at the settings of a domain.
    pub fn of(domain: &Domain) -> Self {
        let limits = domain.groups().iter().map(|group| HandlerLimit {
            handler: group.handler.clone(),
            limit: group.subscription.handler_timeout,
        });
        let policy = domain.config().server.priority_lanes.policy;
        Self::new(domain.lanes().threshold.is_some(), policy, limits.collect())
    }

    fn new(lanes: bool, policy: LanePolicy, limits: Vec<HandlerLimit>) -> Self {
        let all: Option<Vec<Duration>> = limits.iter().map(|of| of.limit).collect();
        let longest = all.and_then(|all| all.into_iter().max());
        let unlimited = limits.into_iter().filter(|of| of.limit.is_none());
        Self {
            lanes,
            policy,
            handler_timeout_seconds: longest.map(|longest| longest.as_secs_f64()),
            unlimited: unlimited.map(|of| of.handler).collect(),
        }
    }
}

/// How long a handler may run.
struct HandlerLimit {
    handler: String,
    limit: Option<Duration>,
}

impl fmt::Display for ProductionBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.lanes {
            return f.write_str(
                "Longest wait of production: everything before it, since priority lanes are off.",
            );
        }
        let backfill = match self.policy {
            LanePolicy::MinShare => ", backfill that is below its min_share",
            LanePolicy::Aging => ", one message of backfill older than aging_ms",
            _ => "",
        };
        writeln!(
            f,
            "Longest wait of production: one running handler{backfill}, one bulk step and one \
             commit, and earlier messages of its aggregate."
        )?;
        match (self.handler_timeout_seconds, &*self.unlimited) {
            (Some(seconds), _) => write!(f, "A handler runs for at most {seconds} s."),
            (None, []) => write!(f, "The domain has no handlers."),
            (None, [one]) => {
                write!(f, "{one} has no handler_timeout_seconds and may run for any time.")
            }
            (None, [one, rest @ ..]) => write!(
                f,
                "{one} and {} more have no handler_timeout_seconds and may run for any time.",
                rest.len()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{HandlerLimit, LanePolicy, ProductionBound};

    fn bound(lanes: bool, seconds: &[Option<u64>]) -> ProductionBound {
        let limit = |(number, seconds): (usize, &Option<u64>)| HandlerLimit {
            handler: format!("Handler{number}"),
            limit: seconds.map(Duration::from_secs),
        };
        ProductionBound::new(
            lanes,
            LanePolicy::Strict,
            seconds.iter().enumerate().map(limit).collect(),
        )
    }

    #[test]
    fn the_slowest_handler_sets_the_limit() {
        let bound = bound(true, &[Some(5), Some(30)]);
        let expected = "\
Longest wait of production: one running handler, one bulk step and one commit, and earlier messages of its aggregate.
A handler runs for at most 30 s.";
        assert_eq!(bound.to_string(), expected);
        assert_eq!(bound.handler_timeout_seconds, Some(30.0));
    }

    #[test]
    fn a_handler_without_a_limit_is_named() {
        let one = bound(true, &[Some(5), None]);
        assert!(one.to_string().contains("\nHandler1 has no handler_timeout_seconds"), "{one}");
        assert_eq!(one.handler_timeout_seconds, None);
        let two = bound(true, &[None, None]);
        assert!(two.to_string().contains("\nHandler0 and 1 more have no"), "{two}");
        assert!(bound(true, &[]).to_string().ends_with("The domain has no handlers."));
    }

    #[test]
    fn backfill_that_takes_turns_is_part_of_the_bound() {
        for (policy, expected) in [
            (LanePolicy::MinShare, "handler, backfill that is below its min_share, one bulk step"),
            (LanePolicy::Aging, "handler, one message of backfill older than aging_ms, one bulk"),
        ] {
            let text = ProductionBound::new(true, policy, Vec::new()).to_string();
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn without_lanes_nothing_bounds_the_wait() {
        let text = bound(false, &[Some(5)]).to_string();
        assert!(text.contains("everything before it"), "{text}");
    }
}
