//! How long things took: percentiles of every single sample.

use std::time::Duration;

use serde::Serialize;

/// All samples of one kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Latencies(Vec<Duration>);

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Percentiles {
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p999_ms: f64,
    pub(super) max_ms: f64,
}

impl Latencies {
    pub(super) fn add(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    /// The smallest sample that at least so many do not exceed; nothing
    /// without samples.
    pub(super) fn percentiles(mut self) -> Option<Percentiles> {
        self.0.sort_unstable();
        let at = |per_mille: usize| {
            let rank = (self.0.len() * per_mille).div_ceil(1000).max(1);
            self.0.get(rank - 1).map(|sample| milliseconds(*sample))
        };
        Some(Percentiles {
            p50_ms: at(500)?,
            p99_ms: at(990)?,
            p999_ms: at(999)?,
            max_ms: at(1000)?,
        })
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
        let [p50_ms, p99_ms, p999_ms, max_ms] = [1000.0, 1980.0, 1998.0, 2000.0];
        let expected = Percentiles { p50_ms, p99_ms, p999_ms, max_ms };
        assert_eq!(of((1..=2000).rev()), Some(expected));
    }

    #[test]
    fn without_samples_there_is_nothing_to_tell() {
        assert_eq!(of([]), None);
    }
}
