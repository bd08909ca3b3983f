//! How fast lanes work, from two looks a while apart. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use protean_engine::Trend;

use crate::history::MAX_GAP;

/// How far back the earlier of two looks lies, at most.
const WINDOW: Duration = Duration::from_secs(10);

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
    /// Messages handled per second; `None` while no server reports it.
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
    /// Adds a look, and returns how fast each lane has worked since an earlier one.
    pub(crate) fn add(&mut self, look: Look) -> BTreeMap<LaneKey, Rate> {
        if self.0.back().is_some_and(|last| last.at + MAX_GAP < look.at) {
            self.0.clear();
        }
        while self.0.front().is_some_and(|first| first.at + WINDOW < look.at) {
            self.0.pop_front();
        }
        let rates =
            look.lanes.iter().map(|(key, lane)| (key.clone(), self.rate(key, lane, look.at)));
        let rates = rates.collect();
        self.0.push_back(look);
        rates
    }

    /// How fast a lane has worked until `at`. Each process is compared with its own first look
    /// that is still here, so one that began a second ago counts from its second look on.
    fn rate(&self, key: &LaneKey, lane: &LaneLook, at: Duration) -> Rate {
        let earlier = || {
            let looks = self.0.iter().filter(|earlier| earlier.at < at);
            looks.filter_map(|earlier| Some((at - earlier.at, earlier.lanes.get(key)?)))
        };
        let was = earlier().find_map(|(elapsed, before)| Some((elapsed, before.lag?)));
        let (elapsed, was) = was.unzip();
        let trend = Trend::between(was, lane.lag, elapsed.unwrap_or_default());
        let mut rate = Rate { trend, ..Rate::default() };
        let (mut runs, mut seconds) = (0, 0.0);
        for (pid, now) in &lane.runs {
            let before =
                earlier().find_map(|(elapsed, before)| Some((elapsed, before.runs.get(pid)?)));
            let Some((elapsed, before)) = before else { continue };
            // A process that began anew counts from 0 again.
            let handled = now.handled.saturating_sub(before.handled);
            let failed = now.failed.saturating_sub(before.failed);
            let per_second = |count: u64| count as f64 / elapsed.as_secs_f64();
            *rate.handled.get_or_insert(0.0) += per_second(handled);
            *rate.failed.get_or_insert(0.0) += per_second(failed);
            runs += handled + failed;
            seconds += (now.seconds - before.seconds).max(0.0);
        }
        rate.run_ms = (runs > 0).then(|| seconds * 1e3 / runs as f64);
        rate
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
    fn a_process_counts_from_its_second_look_on_whatever_was_seen_before() {
        // Nobody served at first; then one process came, and later another.
        let looks = [
            look(0, 0, &[]),
            look(1, 900, &[(7, 40)]),
            look(2, 800, &[(7, 140), (8, 0)]),
            look(3, 700, &[(7, 240), (8, 50)]),
        ];
        assert_eq!(last(looks[..2].to_vec()).handled, None);
        assert_eq!(last(looks[..3].to_vec()).handled, Some(100.0));
        assert_eq!(last(looks).handled, Some(150.0));
    }

    #[test]
    fn a_lane_that_appears_counts_from_its_second_look_on() {
        let nothing = Look { at: Duration::ZERO, ..Look::default() };
        let rate = last([nothing, look(1, 900, &[(7, 40)]), look(2, 850, &[(7, 140)])]);
        assert_eq!(rate.handled, Some(100.0));
        assert_eq!(rate.trend.drained_per_second, Some(50.0));
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
