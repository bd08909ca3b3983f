//! Deposits from before a migration until after it.

use std::ops::Range;
use std::time::Duration;

use workbench::latency::Latencies;

/// A deposit: when it was due, and how long it took from then on.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize)]
pub(crate) struct Served {
    /// Seconds since the first deposit was due.
    pub(crate) due_s: f64,
    pub(crate) latency_ms: f64,
}

impl Served {
    /// How long it took from the moment when it was due.
    pub(crate) fn latency(&self) -> Duration {
        Duration::from_secs_f64(self.latency_ms.max(0.0) / 1000.0)
    }
}

/// All deposits of a run, and when its migration was under way.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    pub(crate) deposits: Vec<Served>,
    /// From the start of the sender until nothing of it waits, in seconds since the first
    /// deposit was due.
    pub(crate) migration: Range<f64>,
}

/// A part of a timeline. A deposit belongs to the part in which it was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Before,
    During,
    After,
}

impl Part {
    pub(crate) const ALL: [Self; 3] = [Self::Before, Self::During, Self::After];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::During => "during",
            Self::After => "after",
        }
    }
}

/// The deposits that were due within one step of the time axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bin {
    /// Its place among all steps, from 0 on. Steps without deposits have no bin.
    pub(crate) step: usize,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Timeline {
    /// The latencies of the deposits due in a part.
    pub(crate) fn latencies(&self, part: Part) -> Latencies {
        latencies(self.deposits.iter().filter(|deposit| self.part(deposit.due_s) == part))
    }

    /// When the last deposit was due, or the migration ended, whichever came later.
    pub(crate) fn end_s(&self) -> f64 {
        self.deposits.iter().map(|deposit| deposit.due_s).fold(self.migration.end, f64::max)
    }

    /// Percentiles of the deposits due in each step of `step_s` seconds.
    pub(crate) fn bins(&self, step_s: f64) -> Vec<Bin> {
        let mut deposits = self.deposits.clone();
        deposits.sort_by(|one, other| one.due_s.total_cmp(&other.due_s));
        let step = |deposit: &Served| (deposit.due_s / step_s) as usize;
        let bin = |of: &[Served]| {
            let latencies = latencies(of.iter());
            let (p50_ms, p99_ms) = (latencies.millis(0.5), latencies.millis(0.99));
            Bin { step: step(&of[0]), p50_ms, p99_ms }
        };
        deposits.chunk_by(|one, other| step(one) == step(other)).map(bin).collect()
    }

    fn part(&self, due_s: f64) -> Part {
        match due_s {
            due if due < self.migration.start => Part::Before,
            due if due < self.migration.end => Part::During,
            _ => Part::After,
        }
    }
}

fn latencies<'a>(of: impl Iterator<Item = &'a Served>) -> Latencies {
    let mut latencies = Latencies::default();
    of.for_each(|deposit| latencies.add(deposit.latency()));
    latencies
}

#[cfg(test)]
mod tests {
    use super::{Bin, Part, Served, Timeline};

    fn timeline(deposits: &[(f64, f64)]) -> Timeline {
        let served =
            |(due_s, latency_ms): &(f64, f64)| Served { due_s: *due_s, latency_ms: *latency_ms };
        Timeline { deposits: deposits.iter().map(served).collect(), migration: 2.0..4.0 }
    }

    #[test]
    fn a_deposit_belongs_to_the_part_in_which_it_was_due_however_late_it_is_handled() {
        let timeline = timeline(&[(1.9, 60_000.0), (2.0, 8.0), (3.9, 5_000.0), (4.0, 3.0)]);
        let found = Part::ALL.map(|part| timeline.latencies(part));
        assert_eq!([0, 1, 2].map(|at| found[at].count()), [1, 2, 1]);
        let p99 = [0, 1, 2].map(|at| found[at].millis(0.99));
        let is_near = |(found, expected): (f64, f64)| (found / expected - 1.0).abs() < 0.001;
        assert!(p99.into_iter().zip([60_000.0, 5_000.0, 3.0]).all(is_near), "{p99:?}");
    }

    #[test]
    fn bins_are_by_due_time_and_those_without_deposits_are_missing() {
        let hundred = (1..=100).map(|n| (4.0 + f64::from(n) / 1000.0, f64::from(n)));
        let all: Vec<_> = hundred.chain([(0.5, 7.0)]).collect();
        let bins = |step_s| -> Vec<_> {
            let rounded = |bin: &Bin| (bin.step, bin.p50_ms.round(), bin.p99_ms.round());
            timeline(&all).bins(step_s).iter().map(rounded).collect()
        };
        assert_eq!(bins(1.0), [(0, 7.0, 7.0), (4, 50.0, 99.0)]);
        assert_eq!(bins(2.0), [(0, 7.0, 7.0), (2, 50.0, 99.0)]);
    }

    #[test]
    fn the_end_includes_a_migration_that_nobody_waited_out() {
        assert_eq!(timeline(&[(1.0, 1.0)]).end_s(), 4.0);
        assert_eq!(timeline(&[(9.0, 1.0)]).end_s(), 9.0);
    }
}
