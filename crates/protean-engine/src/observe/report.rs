//! The pages `/readyz` and `/healthz`.

use std::time::Duration;

use protean_port::port::LogId;
use serde::Serialize;

use super::findings::{Findings, StoreState};
use super::process_report::{PaceReport, ProductionReport};
use crate::observe::metrics::{GroupMetrics, Metrics, Role};
use crate::observe::status::{Health as Verdict, LaneStatus, SubscriptionStatus};

/// Whether the server can do its work.
#[derive(Serialize)]
pub(super) struct Readiness {
    status: &'static str,
    /// How old the last answer of the store is; null when there was none.
    age_seconds: Option<f64>,
    dependencies: Vec<Dependency>,
}

/// Something that the server cannot work without.
#[derive(Serialize)]
struct Dependency {
    name: String,
    status: &'static str,
    #[serde(skip)]
    is_well: bool,
}

impl Readiness {
    pub(super) fn of(
        metrics: &Metrics,
        store: StoreState,
        age: Option<Duration>,
        broker: Option<StoreState>,
    ) -> Self {
        let server = Dependency {
            name: "server".into(),
            status: if metrics.is_stopping() { "stopping" } else { "working" },
            is_well: !metrics.is_stopping(),
        };
        let reached = |name: &str, state: StoreState| Dependency {
            name: name.into(),
            status: state.as_str(),
            is_well: state == StoreState::Answers,
        };
        let store = reached("store", store);
        let broker = broker.map(|broker| reached("broker", broker));
        let groups = metrics.groups().iter().map(|metrics| Dependency {
            name: format!("subscription {}", metrics.group.claim()),
            status: metrics.role().as_str(),
            is_well: matches!(metrics.role(), Role::Reading | Role::StandingBy),
        });
        let dependencies: Vec<_> =
            [server, store].into_iter().chain(broker).chain(groups).collect();
        let ready = dependencies.iter().all(|one| one.is_well);
        Self {
            status: if ready { "ready" } else { "unavailable" },
            age_seconds: age.map(|age| age.as_secs_f64()),
            dependencies,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.dependencies.iter().all(|one| one.is_well)
    }
}

/// The state of everything.
#[derive(Serialize)]
pub(super) struct Health<'a> {
    status: &'static str,
    domain: &'a str,
    /// The id of the log; null until it is opened.
    log: Option<&'a str>,
    version: &'static str,
    pid: u32,
    uptime_seconds: f64,
    stopping: bool,
    store: &'static str,
    /// How old the status of the subscriptions is; null when there is none.
    age_seconds: Option<f64>,
    backfill: PaceReport,
    production: ProductionReport,
    subscriptions: Vec<LaneReport<'a>>,
}

/// A subscription in one lane; a value that is not known is null.
#[derive(Serialize)]
struct LaneReport<'a> {
    group: &'a str,
    handler: &'a str,
    stream: &'a str,
    subscription_type: String,
    role: &'static str,
    status: &'static str,
    lag: Option<u64>,
    lag_seconds: Option<f64>,
    pending: Option<u64>,
    dlq_depth: Option<u64>,
    /// By this process, since it began.
    handled: u64,
    failed: u64,
}

impl<'a> Health<'a> {
    pub(super) fn of(findings: &'a Findings<'a>) -> Self {
        let metrics = findings.metrics;
        let known = findings.subscriptions.iter().flat_map(|seen| seen.what.iter());
        let rows: Vec<_> = known
            .zip(metrics.groups())
            .flat_map(|(of, metrics)| of.lanes.iter().map(|lane| LaneReport::of(of, lane, metrics)))
            .collect();
        Self {
            status: overall(findings, &rows),
            domain: findings.domain,
            log: findings.metrics.log_id().map(LogId::as_str),
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            uptime_seconds: metrics.uptime().as_secs_f64(),
            stopping: metrics.is_stopping(),
            store: findings.store.as_str(),
            age_seconds: findings.subscriptions.as_ref().map(|seen| seen.age().as_secs_f64()),
            backfill: metrics.pace().into(),
            production: ProductionReport::of(metrics),
            subscriptions: rows,
        }
    }
}

/// The worst state of all.
fn overall(findings: &Findings<'_>, rows: &[LaneReport<'_>]) -> &'static str {
    let any = |verdict: Verdict| rows.iter().any(|row| row.status == verdict.as_str());
    match findings.store {
        StoreState::Fails | StoreState::Silent => "unavailable",
        StoreState::Answers if any(Verdict::Unknown) => Verdict::Unknown.as_str(),
        StoreState::Answers if any(Verdict::Lagging) => Verdict::Lagging.as_str(),
        StoreState::Answers => Verdict::Ok.as_str(),
    }
}

impl<'a> LaneReport<'a> {
    fn of(of: &'a SubscriptionStatus, lane: &'a LaneStatus, metrics: &GroupMetrics) -> Self {
        let counted = metrics.lane(lane.lane);
        Self {
            group: &of.group,
            handler: &of.handler,
            stream: &lane.stream,
            subscription_type: of.subscription_type.to_string(),
            role: metrics.role().as_str(),
            status: lane.health.as_str(),
            lag: lane.lag,
            lag_seconds: lane.lag_seconds,
            pending: lane.parked,
            dlq_depth: lane.dead,
            handled: counted.done.count(),
            failed: counted.failed.count(),
        }
    }
}
