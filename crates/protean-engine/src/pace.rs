//! How fast bulk work goes, and why.

use std::fmt;
use std::time::Duration;

/// The slowest pace: bulk work always goes on, if only a little.
pub(crate) const FLOOR: f64 = 0.05;
/// The longest rest before a step. The last one may have waited for another system, which is
/// no load.
const LONGEST_REST: Duration = Duration::from_secs(2);

/// How fast bulk work goes, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pace {
    /// The share of its full speed, from [`FLOOR`] to 1.
    pub(crate) speed: f64,
    pub(crate) reason: PaceReason,
}

impl Pace {
    pub(crate) fn full(reason: PaceReason) -> Self {
        Self { speed: 1.0, reason }
    }

    /// How long a turn rests before a step, when it took so long from the last one to this.
    pub(crate) fn rest_after(&self, took: Duration) -> Duration {
        took.mul_f64(1.0 / self.speed.max(FLOOR) - 1.0).min(LONGEST_REST)
    }
}

/// Why bulk work goes as fast as it does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PaceReason {
    NoTarget,
    NoBackfill,
    NoProduction,
    WithinTarget {
        target: Duration,
    },
    /// So many of the latest production messages took longer than the target.
    MessagesLate {
        target: Duration,
        late: usize,
        of: usize,
    },
    /// A commit of production has waited for longer than the target.
    CommitLate {
        target: Duration,
        waited: Duration,
    },
    /// The target was missed at the slowest pace as well.
    LetGo {
        target: Duration,
    },
    Stopping,
}

impl PaceReason {
    /// Every name, in the order of the variants.
    pub(crate) const NAMES: [&str; 7] = [
        "no_target",
        "no_backfill",
        "no_production",
        "within_target",
        "slowed",
        "let_go",
        "stopping",
    ];

    /// The name that metrics and JSON use, the same for all figures.
    pub(crate) fn name(&self) -> &'static str {
        let place = match self {
            Self::NoTarget => 0,
            Self::NoBackfill => 1,
            Self::NoProduction => 2,
            Self::WithinTarget { .. } => 3,
            Self::MessagesLate { .. } | Self::CommitLate { .. } => 4,
            Self::LetGo { .. } => 5,
            Self::Stopping => 6,
        };
        Self::NAMES[place]
    }
}

impl fmt::Display for PaceReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTarget => write!(f, "production_latency_target_ms is not set"),
            Self::NoBackfill => write!(f, "no backfill waits"),
            Self::NoProduction => {
                write!(f, "no production message was handled within the last second")
            }
            Self::WithinTarget { target } => {
                write!(f, "production messages are handled within {target:?}")
            }
            Self::MessagesLate { target, late, of } => {
                write!(f, "{late} of the last {of} production messages took longer than {target:?}")
            }
            Self::CommitLate { target, waited } => write!(
                f,
                "a commit of production has waited for {} ms, longer than {target:?}",
                waited.as_millis()
            ),
            Self::LetGo { target } => write!(
                f,
                "production messages took longer than {target:?} even beside the slowest backfill: \
                 the target is below what this machine gives"
            ),
            Self::Stopping => write!(f, "the server stops"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{FLOOR, LONGEST_REST, Pace, PaceReason};

    #[test]
    fn what_is_done_and_its_rest_share_the_time_as_the_speed_says() {
        let step = Duration::from_millis(8);
        for (speed, rest) in [(1.0, 0), (0.5, 8), (0.25, 24), (FLOOR, 152), (0.0, 152)] {
            let pace = Pace { speed, reason: PaceReason::NoTarget };
            let found = pace.rest_after(step).as_secs_f64() * 1e3;
            assert!((found - f64::from(rest)).abs() < 0.01, "{speed}: {found} ms");
        }
        let slowest = Pace { speed: FLOOR, reason: PaceReason::NoTarget };
        assert_eq!(slowest.rest_after(Duration::from_secs(30)), LONGEST_REST);
    }
}
