//! Latencies: percentiles over all samples.

/// The samples of one phase, all in the same unit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies(Vec<f64>);

impl Latencies {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn add(&mut self, sample: f64) {
        self.0.push(sample);
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        self.0.extend(&other.0);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The smallest sample that at least `thousandths` of all samples do not exceed;
    /// zero without samples.
    pub(crate) fn at(&self, thousandths: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (sorted.len() * thousandths).div_ceil(1000).max(1);
        sorted.get(rank - 1).copied().unwrap_or(0.0)
    }

    pub(crate) fn median(&self) -> f64 {
        self.at(500)
    }

    pub(crate) fn p99(&self) -> f64 {
        self.at(990)
    }

    /// p50, p99, p99.9, the maximum and the number of samples.
    pub(crate) fn summary(&self) -> [(&'static str, f64); 5] {
        [
            ("p50", self.median()),
            ("p99", self.p99()),
            ("p99.9", self.at(999)),
            ("max", self.at(1000)),
            ("samples", self.count() as f64),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::Latencies;

    #[test]
    fn percentiles_are_actual_samples() {
        let mut latencies = Latencies::default();
        (1..=1000).rev().for_each(|sample| latencies.add(f64::from(sample)));
        let summary = latencies.summary().map(|(_, value)| value);
        assert_eq!(summary, [500.0, 990.0, 999.0, 1000.0, 1000.0]);
    }

    #[test]
    fn without_samples_percentiles_are_zero() {
        assert_eq!(Latencies::default().p99(), 0.0);
    }
}
