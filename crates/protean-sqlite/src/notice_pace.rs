//! Decides when a commit is told to other processes. It has no clock of its own.

use std::time::{Duration, Instant};

use protean_port::message::Lane;

/// How often bulk commits are told at most: each notice wakes every process.
const BULK_INTERVAL: Duration = Duration::from_millis(5);

/// Production commits are told at once, bulk commits now and then.
#[derive(Debug, Default)]
pub(crate) struct NoticePace {
    last: Option<Instant>,
    is_owed: bool,
}

impl NoticePace {
    /// A commit has ended: true when it is told now.
    pub(crate) fn committed(&mut self, now: Instant, lane: Lane) -> bool {
        self.is_owed = true;
        lane == Lane::Primary || self.due().is_none_or(|due| due <= now)
    }

    /// When the commits have to be told that are not told yet; nothing when that is long ago
    /// or when there are none.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.last.filter(|_| self.is_owed).map(|last| last + BULK_INTERVAL)
    }

    /// All commits are told.
    pub(crate) fn gave(&mut self, now: Instant) {
        (self.last, self.is_owed) = (Some(now), false);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use protean_port::message::Lane;

    use super::{BULK_INTERVAL, NoticePace};

    /// Every pattern of twelve milliseconds in which nothing, a bulk commit or a production
    /// commit ends.
    #[test]
    fn production_is_told_at_once_and_bulk_within_the_interval() {
        for pattern in 0..3_u32.pow(12) {
            let (begun, mut pace) = (Instant::now(), NoticePace::default());
            let (mut untold, mut last, mut bulk_notices) = (None, None, 0);
            for step in 0..12_u32 {
                let now = begun + Duration::from_millis(step.into());
                let lane = match pattern / 3_u32.pow(step) % 3 {
                    0 => None,
                    1 => Some(Lane::Backfill),
                    _ => Some(Lane::Primary),
                };
                let told = match lane {
                    Some(lane) => {
                        untold = untold.or(Some(now));
                        pace.committed(now, lane)
                    }
                    None => pace.due().is_some_and(|due| due <= now),
                };
                assert!(told || lane != Some(Lane::Primary), "{pattern}");
                if told {
                    assert!(untold.is_some(), "a notice of nothing: {pattern}");
                    let early = last.is_some_and(|last: Instant| now < last + BULK_INTERVAL);
                    assert!(!early || lane == Some(Lane::Primary), "too often: {pattern}");
                    bulk_notices += u32::from(lane != Some(Lane::Primary));
                    pace.gave(now);
                    (untold, last) = (None, Some(now));
                }
                assert!(untold.is_none_or(|since| now < since + BULK_INTERVAL), "{pattern}");
            }
            assert!(bulk_notices <= 3, "{pattern}");
        }
    }
}
