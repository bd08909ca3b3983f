//! How long things took: percentiles of every single sample.

use std::time::Duration;

use serde::Serialize;

/// All samples of one phase.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Latencies {
    pub(crate) fn add(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The smallest sample that at least so many percent do not exceed;
    /// nothing without samples.
    pub(crate) fn percentiles(mut self) -> Option<Percentiles> {
        self.0.sort_unstable();
        let at = |percent: usize| {
            let rank = (self.0.len() * percent).div_ceil(100).max(1);
            self.0.get(rank - 1).map(|sample| milliseconds(*sample))
        };
        Some(Percentiles { p50: at(50)?, p99: at(99)?, max: at(100)? })
    }
}

/// To the microsecond.
fn milliseconds(sample: Duration) -> f64 {
    (sample.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Latencies, Percentiles};

    fn of(millis: impl IntoIterator<Item = u64>) -> Option<Percentiles> {
        let mut latencies = Latencies::default();
        millis.into_iter().for_each(|sample| latencies.add(Duration::from_millis(sample)));
        latencies.percentiles()
    }

    #[test]
    fn are_samples_that_really_came() {
        let percentiles = of((1..=1000).rev()).unwrap();
        assert_eq!(percentiles, Percentiles { p50: 500.0, p99: 990.0, max: 1000.0 });
        let percentiles = of([7, 3]).unwrap();
        assert_eq!(percentiles, Percentiles { p50: 3.0, p99: 7.0, max: 7.0 });
    }

    #[test]
    fn one_stall_is_the_maximum_and_the_last_percentile() {
        let percentiles = of([1; 98].into_iter().chain([90, 80])).unwrap();
        assert_eq!(percentiles, Percentiles { p50: 1.0, p99: 80.0, max: 90.0 });
    }

    #[test]
    fn without_samples_there_is_nothing_to_tell() {
        assert_eq!(of([]), None);
    }
}
