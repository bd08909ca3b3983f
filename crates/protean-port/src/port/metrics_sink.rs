//! Metrics as values, and where a server hands them over.

use std::time::Duration;

use super::BoxFuture;

/// Takes the metrics of a server periodically.
pub trait MetricsSink: Send + Sync {
    /// How long to wait between two reports.
    fn interval(&self) -> Duration;

    /// Reports the present values. A report that cannot be delivered is dropped. Cancel safe.
    fn report<'a>(&'a self, families: &'a [MetricFamily]) -> BoxFuture<'a, ()>;
}

/// The samples of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricFamily {
    /// Its name.
    pub name: String,
    /// What it counts, in a sentence.
    pub about: &'static str,
    /// One sample for each set of labels.
    pub samples: Vec<MetricSample>,
    /// What its samples are.
    pub kind: MetricKind,
}

/// What the samples of a metric are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// A value that goes up and down.
    Gauge,
    /// How many runs took how long, since the server began.
    Histogram,
}

/// A value with its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricSample {
    /// The labels, by name.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: MetricValue,
}

/// The value of a sample.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricValue {
    /// Of a gauge.
    Number(f64),
    /// Of a histogram.
    Histogram(HistogramValue),
}

/// How many runs took how long.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramValue {
    /// For each bound, how many took no longer; the last entry has no bound.
    pub up_to: Vec<(Option<Duration>, u64)>,
    /// How long they took together.
    pub sum: Duration,
}

impl HistogramValue {
    /// How many runs there were.
    pub fn count(&self) -> u64 {
        self.up_to.last().map_or(0, |(_, count)| *count)
    }
}
