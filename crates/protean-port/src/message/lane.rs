//! The lane of a priority.

use std::fmt;

use super::Priority;

/// A set of priorities that are scheduled together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Production traffic: always first.
    #[default]
    Primary,
    /// Bulk work: runs when production leaves capacity.
    Backfill,
}

impl Lane {
    /// Both lanes, the more urgent one first.
    pub const ALL: [Self; 2] = [Self::Primary, Self::Backfill];
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Primary => "primary",
            Self::Backfill => "backfill",
        })
    }
}

/// The boundary between the lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneRule {
    /// Priorities below this go to backfill; `None` sends all to primary.
    pub threshold: Option<Priority>,
}

impl LaneRule {
    /// The lane of a priority.
    pub fn lane(self, priority: Priority) -> Lane {
        match self.threshold {
            Some(threshold) if priority < threshold => Lane::Backfill,
            _ => Lane::Primary,
        }
    }

    /// The lanes in use: only primary without a threshold.
    pub fn lanes(self) -> &'static [Lane] {
        if self.threshold.is_some() { &Lane::ALL } else { &Lane::ALL[..1] }
    }

    /// The lowest and the highest priority of a lane, inclusive.
    pub fn range(self, lane: Lane) -> (Priority, Priority) {
        let (lowest, highest) = Priority::ALL;
        match (self.threshold, lane) {
            (None, _) => (lowest, highest),
            (Some(threshold), Lane::Primary) => (threshold, highest),
            (Some(threshold), Lane::Backfill) => {
                (lowest, Priority::new(threshold.value().saturating_sub(1)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Lane, LaneRule, Priority};

    #[test]
    fn the_threshold_itself_is_primary() {
        let rule = LaneRule { threshold: Some(Priority::NORMAL) };
        assert_eq!(rule.lane(Priority::NORMAL), Lane::Primary);
        assert_eq!(rule.lane(Priority::new(-1)), Lane::Backfill);
    }

    #[test]
    fn without_a_threshold_all_is_primary() {
        assert_eq!(LaneRule::default().lane(Priority::BULK), Lane::Primary);
        assert_eq!(LaneRule::default().lanes(), [Lane::Primary]);
    }

    #[test]
    fn ranges_meet_without_overlap() {
        let rule = LaneRule { threshold: Some(Priority::LOW) };
        assert_eq!(rule.range(Lane::Backfill).1.value() + 1, rule.range(Lane::Primary).0.value());
    }
}
