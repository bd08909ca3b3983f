//! Results of a measure: figures round by round, their medians and targets.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use workbench::latency::Latencies;

/// The results of one measure.
#[derive(Debug, Serialize)]
pub(crate) struct Sheet {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) notes: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// One figure: ours, the limit and another system's, round by round.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) target: Target,
    pub(crate) ours: Vec<f64>,
    pub(crate) limit: Vec<f64>,
    pub(crate) peer: Vec<f64>,
    /// Further figures of ours, such as other percentiles.
    pub(crate) more: BTreeMap<&'static str, f64>,
}

/// The targets of a row. The ratio is ours divided by the limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Target {
    pub(crate) ratio: Option<Bound>,
    pub(crate) ours: Option<Bound>,
    /// Ours divided by the other system's. Judged apart, since that is not always measured.
    pub(crate) peer: Option<Bound>,
}

/// An inclusive bound.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// Identifies a row of a sheet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowId(usize);

impl Sheet {
    pub(crate) fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about, notes: Vec::new(), rows: Vec::new() }
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub(crate) fn row(
        &mut self,
        what: impl Into<String>,
        unit: &'static str,
        target: Target,
    ) -> RowId {
        let (ours, limit, peer) = (Vec::new(), Vec::new(), Vec::new());
        let (what, more) = (what.into(), BTreeMap::new());
        self.rows.push(Row { what, unit, target, ours, limit, peer, more });
        RowId(self.rows.len() - 1)
    }

    pub(crate) fn ours(&mut self, at: RowId, value: f64) {
        self.rows[at.0].ours.push(value);
    }

    pub(crate) fn limit(&mut self, at: RowId, value: f64) {
        self.rows[at.0].limit.push(value);
    }

    /// Adds the figure of the other system for the same work.
    pub(crate) fn peer(&mut self, at: RowId, value: f64) {
        self.rows[at.0].peer.push(value);
    }

    /// Adds p50, p99, p99.9, the maximum and the number of samples, in milliseconds.
    pub(crate) fn latencies(&mut self, at: RowId, of: &Latencies) {
        let shares = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];
        self.more(at, shares.map(|(name, share)| (name, of.millis(share))));
        self.more(at, [("samples", of.count() as f64)]);
    }

    pub(crate) fn more(&mut self, at: RowId, more: impl IntoIterator<Item = (&'static str, f64)>) {
        self.rows[at.0].more.extend(more);
    }
}

impl Row {
    pub(crate) fn ratio(&self) -> Option<f64> {
        self.ours_by(&self.limit)
    }

    pub(crate) fn ratio_peer(&self) -> Option<f64> {
        self.ours_by(&self.peer)
    }

    fn ours_by(&self, others: &[f64]) -> Option<f64> {
        Some(median(&self.ours)? / median(others)?).filter(|ratio| ratio.is_finite())
    }

    /// `None` without a target, or without a figure to judge.
    pub(crate) fn met(&self) -> Option<bool> {
        let ratio = self.target.ratio.map(|bound| self.ratio().map(|ratio| bound.holds(ratio)));
        let ours = self.target.ours.map(|bound| median(&self.ours).map(|ours| bound.holds(ours)));
        match (ratio, ours) {
            (None, None) => None,
            (ratio, ours) => Some(ratio.unwrap_or(Some(true))? && ours.unwrap_or(Some(true))?),
        }
    }

    /// `None` without a target for the other system, or when that was not measured.
    pub(crate) fn met_peer(&self) -> Option<bool> {
        Some(self.target.peer?.holds(self.ratio_peer()?))
    }
}

impl Target {
    pub(crate) const NONE: Self = Self { ratio: None, ours: None, peer: None };

    pub(crate) fn ratio(bound: Bound) -> Self {
        Self { ratio: Some(bound), ..Self::NONE }
    }

    pub(crate) fn ours(bound: Bound) -> Self {
        Self { ours: Some(bound), ..Self::NONE }
    }

    /// Adds a target for the ratio to the other system.
    pub(crate) fn and_peer(self, bound: Bound) -> Self {
        Self { peer: Some(bound), ..self }
    }

    /// The target as text; empty without one.
    pub(crate) fn text(self) -> String {
        let ratio = self.ratio.map(|bound| format!("ratio {bound}"));
        let ours = self.ours.map(|bound| bound.to_string());
        ratio.into_iter().chain(ours).collect::<Vec<_>>().join(", ")
    }

    /// The target for the other system as text; empty without one.
    pub(crate) fn peer_text(self) -> String {
        self.peer.map_or(String::new(), |bound| bound.to_string())
    }
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, "≥ {bound}"),
            Self::AtMost(bound) => write!(f, "≤ {bound}"),
        }
    }
}

/// The median; `None` without values.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    let lower = if sorted.len().is_multiple_of(2) { sorted[middle - 1] } else { upper };
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::{Bound, Sheet, Target, median};

    #[test]
    fn the_median_of_an_even_count_is_the_mean_of_the_middle_two() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_target_is_met_when_both_bounds_hold() {
        let mut sheet = Sheet::new("t", "");
        let ours = Target::ours(Bound::AtMost(64.0));
        let both = Target { ratio: Some(Bound::AtMost(1.2)), ..ours };
        for (ours, limit, met) in [(60.0, 60.0, true), (70.0, 60.0, false), (60.0, 20.0, false)] {
            let at = sheet.row("memory", "MiB", both);
            sheet.ours(at, ours);
            sheet.limit(at, limit);
            assert_eq!(sheet.rows[at.0].met(), Some(met));
        }
        assert_eq!(both.text(), "ratio ≤ 1.2, ≤ 64");
    }

    #[test]
    fn ours_is_compared_to_the_limit_and_to_the_other_system() {
        let mut sheet = Sheet::new("t", "");
        let target = Target::ratio(Bound::AtLeast(0.5)).and_peer(Bound::AtLeast(50.0));
        let at = sheet.row("rate", "1/s", target);
        sheet.ours(at, 100.0);
        sheet.limit(at, 125.0);
        let row = &sheet.rows[at.0];
        assert_eq!((row.ratio_peer(), row.met(), row.met_peer()), (None, Some(true), None));
        sheet.peer(at, 4.0);
        let row = &sheet.rows[at.0];
        assert_eq!((row.ratio(), row.ratio_peer()), (Some(0.8), Some(25.0)));
        assert_eq!((row.met(), row.met_peer()), (Some(true), Some(false)));
        assert_eq!((target.text().as_str(), target.peer_text().as_str()), ("ratio ≥ 0.5", "≥ 50"));
    }

    #[test]
    fn a_target_without_a_figure_is_not_judged() {
        let mut sheet = Sheet::new("t", "");
        let at = sheet.row("nothing", "ms", Target::ratio(Bound::AtLeast(0.5)));
        assert_eq!(sheet.rows[at.0].met(), None);
    }
}
