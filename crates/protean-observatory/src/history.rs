//! The figures of the last minutes, for the charts. Pure.

use std::collections::VecDeque;
use std::time::Duration;

/// How far back a chart shows.
pub(crate) const SPAN: Duration = Duration::from_secs(300);
/// Moments further apart are neither joined nor compared: there were no viewers in between.
pub(crate) const MAX_GAP: Duration = Duration::from_secs(5);

/// The values drawn for one moment. Unknown values are not drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Point {
    /// Counted from any fixed moment.
    pub(crate) at: Duration,
    /// Production latency in milliseconds.
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
    /// Messages of the backfill lane handled a second.
    pub(crate) bulk_rate: Option<f64>,
    /// Messages that wait in the backfill lane.
    pub(crate) backlog: Option<f64>,
}

/// The points of the last minutes.
#[derive(Debug, Default)]
pub(crate) struct History(VecDeque<Point>);

impl History {
    /// Adds a point, and returns all points that are recent enough, oldest first.
    pub(crate) fn add(&mut self, point: Point) -> Vec<Point> {
        self.0.push_back(point);
        while self.0.front().is_some_and(|first| first.at + SPAN < point.at) {
            self.0.pop_front();
        }
        self.0.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{History, Point, SPAN};

    #[test]
    fn what_is_older_than_the_chart_is_forgotten() {
        let mut history = History::default();
        let at = |seconds| Point { at: Duration::from_secs(seconds), ..Point::default() };
        history.add(at(0));
        history.add(at(1));
        let shown = history.add(at(SPAN.as_secs() + 1));
        assert_eq!(shown, [at(1), at(SPAN.as_secs() + 1)]);
    }
}
