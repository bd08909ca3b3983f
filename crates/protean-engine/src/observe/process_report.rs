//! What a server process says about itself: JSON that other processes of this machine read.

use std::time::Duration;

use protean_port::port::LogId;
use serde::{Deserialize, Serialize};

use super::metrics::{GroupMetrics, LaneMetrics, Metrics};
use super::recent_latencies::Percentiles;
use crate::pace::Pace;

/// What a server process has measured and counted since it began. It asks nothing of the
/// database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProcessReport {
    /// The domain that it serves.
    pub domain: String,
    /// The id of its log; `None` until it is opened.
    pub log: Option<String>,
    /// The version of Protean.
    #[serde(default)]
    pub version: String,
    /// The id of the process.
    pub pid: u32,
    /// How long it has run.
    #[serde(default)]
    pub uptime_seconds: f64,
    /// True once it was asked to stop.
    #[serde(default)]
    pub stopping: bool,
    /// How fast its backfill goes.
    pub backfill: PaceReport,
    /// How long its production messages took; `None` when the process does not report it.
    pub production: Option<ProductionReport>,
    /// What each of its handlers has done.
    #[serde(default)]
    pub handlers: Vec<HandlerReport>,
}

/// How fast the backfill of a process goes, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaceReport {
    /// The share of its full speed, up to 1.
    pub speed: f64,
    /// The name of the reason.
    pub reason: String,
    /// The reason for a person to read.
    pub because: String,
}

/// How long the last production messages of a process took, a thousand of the last minute at
/// most: from the moment each was made until what its handler has done was durable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProductionReport {
    /// How many messages that were.
    pub messages: u64,
    /// The median in milliseconds; `None` without a message.
    pub p50_ms: Option<f64>,
    /// The 99th percentile in milliseconds; `None` without a message.
    pub p99_ms: Option<f64>,
    /// The same for the last 200 that were handled while no bulk work was under way, however long
    /// ago.
    #[serde(default)]
    pub idle: IdleReport,
}

/// How long production messages took while no bulk work was under way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IdleReport {
    /// How many messages that were.
    pub messages: u64,
    /// The median in milliseconds; `None` without a message.
    pub p50_ms: Option<f64>,
    /// The 99th percentile in milliseconds; `None` without a message.
    pub p99_ms: Option<f64>,
}

/// What a process is to a handler, and what it has done for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HandlerReport {
    /// The group, `<domain>.<handler>`.
    pub group: String,
    /// The category it reads.
    pub category: String,
    /// `starting`, `reading`, `standing by` or `cannot be claimed`.
    pub role: String,
    /// The lanes in use, the more urgent one first.
    pub lanes: Vec<LaneReport>,
}

/// The runs of a handler in one lane.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LaneReport {
    /// The category, with `:<suffix>` for backfill.
    pub stream: String,
    /// Runs that did their work.
    pub handled: u64,
    /// Runs that failed.
    pub failed: u64,
    /// How long all of them took together.
    pub seconds: f64,
    /// True while the handler keeps failing and gets no messages of this lane.
    pub breaker_open: bool,
}

impl ProcessReport {
    pub(super) fn of(domain: &str, metrics: &Metrics) -> Self {
        Self {
            domain: domain.to_owned(),
            log: metrics.log_id().map(|id: &LogId| id.as_str().to_owned()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_seconds: metrics.uptime().as_secs_f64(),
            stopping: metrics.is_stopping(),
            backfill: metrics.pace().into(),
            production: Some(ProductionReport::of(metrics)),
            handlers: metrics.groups().iter().map(|group| HandlerReport::of(group)).collect(),
        }
    }
}

impl From<Pace> for PaceReport {
    fn from(Pace { speed, reason }: Pace) -> Self {
        Self { speed, reason: reason.name().to_owned(), because: reason.to_string() }
    }
}

impl ProductionReport {
    pub(super) fn of(metrics: &Metrics) -> Self {
        let (found, idle) = (metrics.production(), metrics.idle_production());
        let [messages, idle_messages] = [found, idle].map(count);
        let [(p50_ms, p99_ms), (idle_p50, idle_p99)] = [found, idle].map(in_ms);
        let idle = IdleReport { messages: idle_messages, p50_ms: idle_p50, p99_ms: idle_p99 };
        Self { messages, p50_ms, p99_ms, idle }
    }
}

fn count(of: Option<Percentiles>) -> u64 {
    of.map_or(0, |of| of.messages as u64)
}

fn in_ms(of: Option<Percentiles>) -> (Option<f64>, Option<f64>) {
    let ms = |of: Duration| of.as_secs_f64() * 1e3;
    (of.map(|of| ms(of.p50)), of.map(|of| ms(of.p99)))
}

impl HandlerReport {
    fn of(metrics: &GroupMetrics) -> Self {
        Self {
            group: metrics.group.name.to_string(),
            category: metrics.group.category.to_string(),
            role: metrics.role().as_str().to_owned(),
            lanes: metrics.lanes().iter().map(LaneReport::of).collect(),
        }
    }
}

impl LaneReport {
    fn of(metrics: &LaneMetrics) -> Self {
        Self {
            stream: metrics.stream.clone(),
            handled: metrics.done.count(),
            failed: metrics.failed.count(),
            seconds: (metrics.done.sum() + metrics.failed.sum()).as_secs_f64(),
            breaker_open: metrics.is_breaker_open(),
        }
    }
}
