//! How long things took.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Each sample is known to one part in a thousand.
const DIGITS: u8 = 3;

/// The samples of one kind, in little memory however many there are.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Percentiles {
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new(DIGITS).expect("three digits are not too many"))
    }
}

impl Latencies {
    /// Adds a sample.
    pub fn add(&mut self, sample: Duration) {
        // It fails only where the histogram may not grow, and this one may.
        let _ = self.0.record(u64::try_from(sample.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds all samples of another one.
    pub fn extend(&mut self, other: &Self) {
        self.0 += &other.0;
    }

    /// How many samples there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// What this share of the samples does not exceed, from 0 to 1; zero without samples.
    pub fn at(&self, share: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(share))
    }

    /// The same in milliseconds.
    pub fn millis(&self, share: f64) -> f64 {
        self.at(share).as_secs_f64() * 1e3
    }

    /// The same in microseconds.
    pub fn micros(&self, share: f64) -> f64 {
        self.at(share).as_secs_f64() * 1e6
    }

    /// The usual percentiles, to the microsecond; nothing without samples.
    pub fn percentiles(&self) -> Option<Percentiles> {
        let at = |share| (self.micros(share)).round() / 1e3;
        (self.count() > 0).then(|| Percentiles {
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: at(1.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Latencies;

    /// Fails unless p50, p99, p99.9 and the maximum are these, to one part in a thousand.
    fn check(millis: impl IntoIterator<Item = u64>, expected: [f64; 4]) {
        let mut latencies = Latencies::default();
        millis.into_iter().for_each(|sample| latencies.add(Duration::from_millis(sample)));
        let found = latencies.percentiles().unwrap();
        let found = [found.p50_ms, found.p99_ms, found.p999_ms, found.max_ms];
        let is_near = |(found, expected): (f64, f64)| (found / expected - 1.0).abs() < 0.001;
        assert!(found.into_iter().zip(expected).all(is_near), "{found:?}");
    }

    #[test]
    fn percentiles_are_samples_that_really_came() {
        check((1..=1000).rev(), [500.0, 990.0, 999.0, 1000.0]);
        check([7, 3], [3.0, 7.0, 7.0, 7.0]);
    }

    #[test]
    fn one_stall_is_the_maximum_and_the_last_percentile() {
        check([1; 98].into_iter().chain([90, 80]), [1.0, 80.0, 90.0, 90.0]);
        check([60_000], [60_000.0; 4]);
    }

    #[test]
    fn samples_of_two_are_those_of_both() {
        let (mut one, mut other) = (Latencies::default(), Latencies::default());
        one.add(Duration::from_millis(1));
        other.add(Duration::from_secs(3));
        one.extend(&other);
        assert_eq!((one.count(), one.at(1.0).as_secs()), (2, 3));
    }

    #[test]
    fn without_samples_there_is_nothing_to_tell() {
        assert_eq!(Latencies::default().percentiles(), None);
        assert_eq!(Latencies::default().millis(0.99), 0.0);
    }
}
