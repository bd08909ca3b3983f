//! How fast lanes work, from two looks a while apart. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use protean_engine::Trend;

/// How far back the earlier of two looks lies, at most.
const WINDOW: Duration = Duration::from_secs(10);
/// Looks further apart than this do not belong together: nobody watched in between.
const MAX_GAP: Duration = Duration::from_secs(5);

/// A lane of a group: the name of its claim, and the lane's stream.
pub(crate) type LaneKey = (String, String);

/// What was seen of every lane at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Look {
    /// Counted from any fixed moment.
    pub(crate) at: Duration,
    pub(crate) lanes: BTreeMap<LaneKey, LaneLook>,
}

/// What was seen of one lane.
#[derive(Clone, Debug, Default)]
pub(crate) struct LaneLook {
    pub(crate) lag: Option<u64>,
    /// What each process has counted since it began.
    pub(crate) runs: BTreeMap<u32, Runs>,
}

/// The runs of a handler in one process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Runs {
    pub(crate) handled: u64,
    pub(crate) failed: u64,
    pub(crate) seconds: f64,
}

/// How fast a lane works.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rate {
    pub(crate) trend: Trend,
    /// Messages handled a second; `None` while no server says so.
    pub(crate) handled: Option<f64>,
    /// Runs that failed, a second.
    pub(crate) failed: Option<f64>,
    /// How many milliseconds a run took on average; `None` without a run.
    pub(crate) run_ms: Option<f64>,
}

/// The looks of the last seconds.
#[derive(Debug, Default)]
pub(crate) struct Looks(VecDeque<Look>);

impl Looks {
    /// Takes a look in, and says how fast each lane works since an earlier one.
    pub(crate) fn add(&mut self, look: Look) -> BTreeMap<LaneKey, Rate> {
        if self.0.back().is_some_and(|last| last.at + MAX_GAP < look.at) {
            self.0.clear();
        }
        while self.0.front().is_some_and(|first| first.at + WINDOW < look.at) {
            self.0.pop_front();
        }
        let earlier = self.0.front();
        let rates = look.lanes.iter().map(|(key, lane)| {
            let before = earlier.and_then(|earlier| Some((earlier.at, earlier.lanes.get(key)?)));
            let rate = match before {
                Some((at, before)) => lane.since(before, look.at.saturating_sub(at)),
                None => {
                    Rate { trend: Trend { lag: lane.lag, ..Trend::default() }, ..Rate::default() }
                }
            };
            (key.clone(), rate)
        });
        let rates = rates.collect();
        self.0.push_back(look);
        rates
    }
}

impl LaneLook {
    fn since(&self, before: &Self, elapsed: Duration) -> Rate {
        let trend = Trend::between(before.lag, self.lag, elapsed);
        // A process that has begun anew counts from 0, and one that has gone counts no more.
        let both = self.runs.iter().filter_map(|(pid, now)| {
            let before = before.runs.get(pid)?;
            Some((before, now))
        });
        let (mut known, mut handled, mut failed, mut seconds) = (false, 0, 0, 0.0);
        for (before, now) in both {
            known = true;
            handled += now.handled.saturating_sub(before.handled);
            failed += now.failed.saturating_sub(before.failed);
            seconds += (now.seconds - before.seconds).max(0.0);
        }
        let per_second = |count: u64| known.then(|| count as f64 / elapsed.as_secs_f64());
        let runs = handled + failed;
        Rate {
            trend,
            handled: per_second(handled),
            failed: per_second(failed),
            run_ms: (runs > 0).then(|| seconds * 1e3 / runs as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LaneLook, Look, Looks, Rate, Runs};

    fn look(second: u64, lag: u64, runs: &[(u32, u64)]) -> Look {
        let counted = |(pid, handled): &(u32, u64)| {
            (*pid, Runs { handled: *handled, failed: 0, seconds: *handled as f64 * 0.002 })
        };
        let lane = LaneLook { lag: Some(lag), runs: runs.iter().map(counted).collect() };
        let lanes = [(("bank.Mailer".to_owned(), "bank::account".to_owned()), lane)].into();
        Look { at: Duration::from_secs(second), lanes }
    }

    fn last(looks: impl IntoIterator<Item = Look>) -> Rate {
        let mut all = Looks::default();
        let rates = looks.into_iter().map(|look| all.add(look)).last().unwrap();
        *rates.values().next().unwrap()
    }

    #[test]
    fn a_rate_is_that_of_all_processes_over_ten_seconds() {
        let looks = (0..=20)
            .map(|second| look(second, 1000 - 20 * second, &[(7, 100 * second), (8, 50 * second)]));
        let rate = last(looks);
        assert_eq!(rate.handled, Some(150.0));
        assert_eq!(rate.failed, Some(0.0));
        assert_eq!(rate.trend.drained_per_second, Some(20.0));
        assert_eq!(rate.trend.eta(), Some(Duration::from_secs(30)));
        assert!((rate.run_ms.unwrap() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_process_that_began_anew_makes_no_rate_negative() {
        let rate = last([look(0, 9, &[(7, 5_000)]), look(1, 8, &[(7, 10)])]);
        assert_eq!(rate.handled, Some(0.0));
        let rate = last([look(0, 9, &[(7, 5_000)]), look(1, 8, &[(9, 10)])]);
        assert_eq!((rate.handled, rate.run_ms), (None, None), "a new one is not compared");
    }

    #[test]
    fn what_is_not_known_is_not_invented() {
        let rate = last([look(0, 9, &[])]);
        assert_eq!((rate.handled, rate.trend.drained_per_second), (None, None));
        assert_eq!(rate.trend.lag, Some(9));
        let apart = last([look(0, 900, &[(7, 0)]), look(60, 9, &[(7, 600)])]);
        assert_eq!(apart.handled, None, "nobody watched in between");
    }
}
