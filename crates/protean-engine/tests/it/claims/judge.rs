//! What is promised when a claim is taken away, judged by what was recorded.

use std::time::Duration;

/// How long a process may begin more after its successor has begun.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// When a process did not run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stall {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

/// A beginning, and of what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Begin {
    pub(crate) at: Duration,
    pub(crate) what: String,
}

/// What belongs to one claim and was begun by each of two processes, in order of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Begun {
    pub(crate) by: [Vec<Begin>; 2],
    pub(crate) stalls: [Vec<Stall>; 2],
}

impl Begun {
    /// Each time between two takings (or before the first, or after the last) in which both
    /// processes began more, although the second one to begin had done so longer than
    /// [`GRACE`] ago.
    ///
    /// The claim moves once at most in such a time, so it is the loser that went on. Only time
    /// counts in which it ran.
    pub(crate) fn overlaps(&self, taken: &[Duration]) -> Vec<String> {
        let starts = [&[Duration::ZERO], taken].concat();
        let ends = [taken, &[Duration::MAX]].concat();
        let spans = starts.into_iter().zip(ends);
        spans.filter_map(|(from, to)| self.overlap(from, to)).collect()
    }

    fn overlap(&self, from: Duration, to: Duration) -> Option<String> {
        let within = [0, 1].map(|process| {
            let begun = self.by[process].iter();
            begun.filter(|begin| (from..to).contains(&begin.at)).collect::<Vec<_>>()
        });
        let successor = within[0].first()?.at.max(within[1].first()?.at);
        let late = [0, 1].map(|process| {
            let is_late = |begin: &&&Begin| self.ran(process, successor, begin.at) > GRACE;
            within[process].iter().filter(is_late).take(5).collect::<Vec<_>>()
        });
        let is_overlap = late.iter().all(|late| !late.is_empty());
        is_overlap.then(|| {
            format!(
                "after what was taken at {from:?} both have begun at {successor:?}, and longer \
                 after that than {GRACE:?} of their own time both go on: {late:#?}"
            )
        })
    }

    /// How long a process ran between two moments.
    fn ran(&self, process: usize, from: Duration, to: Duration) -> Duration {
        let stalls = self.stalls[process].iter();
        let stalled = stalls.map(|stall| stall.to.min(to).saturating_sub(stall.from.max(from)));
        to.saturating_sub(from).saturating_sub(stalled.sum())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Begin, Begun, Stall};

    fn ms(from: u64, to: u64) -> Vec<Duration> {
        (from..to).step_by(50).map(Duration::from_millis).collect()
    }

    fn overlaps(first: Vec<Duration>, second: Vec<Duration>, stall: Option<(u64, u64)>) -> usize {
        let stall = stall.map(|(from, to)| Stall {
            from: Duration::from_millis(from),
            to: Duration::from_millis(to),
        });
        let stalls = [stall.into_iter().collect(), Vec::new()];
        let by = [first, second]
            .map(|times| times.into_iter().map(|at| Begin { at, what: String::new() }).collect());
        Begun { by, stalls }.overlaps(&ms(5000, 5001)).len()
    }

    #[test]
    fn a_loser_may_go_on_for_a_second_and_no_longer() {
        assert_eq!(overlaps(ms(0, 5000), ms(5700, 9000), None), 0);
        assert_eq!(overlaps(ms(0, 6700), ms(5700, 9000), None), 0);
        assert_eq!(overlaps(ms(0, 6900), ms(5700, 9000), None), 1);
        assert_eq!(overlaps(ms(0, 9000), Vec::new(), None), 0, "it has won the claim again");
        assert_eq!(overlaps(ms(0, 9000), ms(300, 9000), None), 2);
    }

    #[test]
    fn the_time_of_a_loser_that_is_stopped_does_not_count() {
        let goes_on = || [ms(0, 5100), ms(8000, 8500)].concat();
        assert_eq!(overlaps(goes_on(), ms(5700, 9000), None), 1);
        assert_eq!(overlaps(goes_on(), ms(5700, 9000), Some((5100, 8000))), 0);
        let too_long = [ms(0, 5100), ms(8000, 9200)].concat();
        assert_eq!(overlaps(too_long, ms(5700, 9000), Some((5100, 8000))), 1);
    }
}
