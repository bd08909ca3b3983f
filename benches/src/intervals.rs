//! Times between two moments that different processes have noted: negative when the second came first.

/// Intervals in microseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Intervals(Vec<i64>);

impl Intervals {
    pub(crate) fn add(&mut self, micros: i64) {
        self.0.push(micros);
    }

    /// The smallest interval that at least `thousandths` of all do not exceed; zero without any.
    pub(crate) fn at(&self, thousandths: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * thousandths).div_ceil(1000).max(1);
        sorted.get(rank - 1).copied().unwrap_or(0) as f64
    }

    pub(crate) fn median(&self) -> f64 {
        self.at(500)
    }

    pub(crate) fn p99(&self) -> f64 {
        self.at(990)
    }
}

#[cfg(test)]
mod tests {
    use super::Intervals;

    #[test]
    fn percentiles_are_intervals_that_were_there_before_zero_as_well() {
        let mut intervals = Intervals::default();
        (-499..=500).rev().for_each(|micros| intervals.add(micros));
        let found = [1, 500, 990, 1000].map(|thousandths| intervals.at(thousandths));
        assert_eq!(found, [-499.0, 0.0, 490.0, 500.0]);
        assert_eq!(Intervals::default().p99(), 0.0);
    }
}
