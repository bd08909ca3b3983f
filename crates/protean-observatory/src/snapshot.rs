//! Everything that the live pages show of one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use hyper::body::Bytes;
use protean_core::domain::{Domain, HandlerKind};
use protean_engine::{
    HandlerReport, LaneStatus, ProductionBound, ProductionReport, ServerPage, ServerPages,
    ServerProcess, SubscriptionStatus, subscriptions,
};
use protean_port::message::{Lane, Timestamp};
use protean_port::port::{LogId, claim};
use protean_port::{Error, Result};
use tracing::{debug, warn};

use crate::history::{History, Point};
use crate::rates::{LaneKey, LaneLook, Look, Looks, Rate, Runs};

/// Everything that the live pages show of one moment.
pub(crate) struct Snapshot {
    /// Counted from 1 since the pages are served.
    pub(crate) number: u64,
    pub(crate) taken: Timestamp,
    pub(crate) bound: ProductionBound,
    /// The target of production, in milliseconds.
    pub(crate) target_ms: Option<f64>,
    /// `None` when the database does not answer.
    pub(crate) handlers: Option<Vec<HandlerRow>>,
    pub(crate) servers: Vec<ServerPage>,
    /// Where servers are looked for.
    pub(crate) url: String,
    /// The last minutes, the latest moment last.
    pub(crate) points: Vec<Point>,
    /// The pages as they are sent, each made once for all viewers.
    pub(crate) lanes_page: OnceLock<Bytes>,
    pub(crate) handlers_page: OnceLock<Bytes>,
}

/// One handler, lane by lane.
pub(crate) struct HandlerRow {
    pub(crate) group: Arc<str>,
    pub(crate) handler: String,
    pub(crate) category: String,
    pub(crate) kind: &'static str,
    /// Where it reads: `event_store` or `stream`.
    pub(crate) source: String,
    pub(crate) ignored: Option<u64>,
    /// The processes that read for it.
    pub(crate) holders: Vec<ServerProcess>,
    /// How many processes wait to take over.
    pub(crate) standing_by: usize,
    pub(crate) lanes: Vec<LaneRow>,
}

/// One lane of a handler.
pub(crate) struct LaneRow {
    pub(crate) status: LaneStatus,
    pub(crate) rate: Rate,
    /// `None` when no server that reads for the handler reports it.
    pub(crate) breaker_open: Option<bool>,
}

impl Snapshot {
    /// Every lane of this kind, with its handler.
    pub(crate) fn lanes(&self, lane: Lane) -> impl Iterator<Item = (&HandlerRow, &LaneRow)> {
        let rows = self.handlers.iter().flatten();
        let lanes = rows.flat_map(|row| row.lanes.iter().map(move |lane| (row, lane)));
        lanes.filter(move |(_, row)| row.status.lane == lane)
    }

    /// Messages waiting in a lane; `None` when the lag of one of its handlers is unknown.
    pub(crate) fn lag(&self, lane: Lane) -> Option<u64> {
        self.handlers.as_ref()?;
        self.lanes(lane).map(|(_, row)| row.status.lag).sum()
    }

    /// Messages of a lane handled per second; `None` while no server reports it.
    pub(crate) fn rate(&self, lane: Lane) -> Option<f64> {
        let rates: Vec<f64> = self.lanes(lane).filter_map(|(_, row)| row.rate.handled).collect();
        (!rates.is_empty()).then(|| rates.iter().sum())
    }

    /// What the process with the slowest production measures.
    pub(crate) fn production(&self) -> Option<&ProductionReport> {
        slowest(&self.servers)
    }
}

fn slowest(servers: &[ServerPage]) -> Option<&ProductionReport> {
    let reports = servers.iter().filter_map(|server| server.report.production.as_ref());
    reports.max_by(|a, b| a.p99_ms.unwrap_or(-1.0).total_cmp(&b.p99_ms.unwrap_or(-1.0)))
}

/// Takes snapshots, one after the other.
pub(crate) struct Camera {
    domain: Domain,
    log: Option<LogId>,
    began: Instant,
    number: u64,
    looks: Looks,
    history: History,
    /// What could not be read the last time.
    unread: BTreeSet<&'static str>,
}

impl Camera {
    pub(crate) fn new(domain: Domain) -> Self {
        Self {
            domain,
            log: None,
            began: Instant::now(),
            number: 0,
            looks: Looks::default(),
            history: History::default(),
            unread: BTreeSet::new(),
        }
    }

    /// Looks at the database and at the servers, each once.
    pub(crate) async fn take(&mut self) -> Snapshot {
        let domain = self.domain.clone();
        let (found, log) = tokio::join!(subscriptions(&domain), log_id(&domain, self.log.clone()));
        let found = self.read("the subscriptions", found);
        self.log = self.read("the id of the log", log);
        let servers = match self.log.clone() {
            Some(log) => {
                let servers = servers_of(domain, log).await;
                self.read("the health pages of servers", servers)
            }
            None => None,
        };
        let (servers, url) =
            servers.map_or_else(Default::default, |found| (found.pages, found.url));
        let look = Look {
            at: self.began.elapsed(),
            lanes: lane_looks(found.as_deref().unwrap_or_default(), &servers),
        };
        let at = look.at;
        let rates = self.looks.add(look);
        let handlers = found.map(|found| {
            let rows = found.into_iter().map(|status| row(status, &servers, &rates));
            rows.collect::<Vec<_>>()
        });
        self.number += 1;
        let lanes = &self.domain.config().server.priority_lanes;
        let mut snapshot = Snapshot {
            number: self.number,
            taken: self.domain.clock().now(),
            bound: ProductionBound::of(&self.domain),
            target_ms: lanes.production_latency_target.map(|target| target.as_secs_f64() * 1e3),
            handlers,
            servers,
            url,
            points: Vec::new(),
            lanes_page: OnceLock::new(),
            handlers_page: OnceLock::new(),
        };
        let production = snapshot.production();
        let point = Point {
            at,
            p50: production.and_then(|of| of.p50_ms),
            p99: production.and_then(|of| of.p99_ms),
            bulk_rate: snapshot.rate(Lane::Backfill),
            backlog: snapshot.lag(Lane::Backfill).map(|lag| lag as f64),
        };
        snapshot.points = self.history.add(point);
        snapshot
    }

    /// What was read. The first failure in a row is logged as a warning: there is a snapshot a second.
    fn read<T>(&mut self, what: &'static str, read: Result<T>) -> Option<T> {
        match read {
            Ok(read) => {
                self.unread.remove(what);
                Some(read)
            }
            Err(error) => {
                if self.unread.insert(what) {
                    warn!(error = format_args!("{error:#}"), "observatory: cannot read {what}");
                } else {
                    debug!(error = format_args!("{error:#}"), "observatory: cannot read {what}");
                }
                None
            }
        }
    }
}

async fn log_id(domain: &Domain, known: Option<LogId>) -> Result<LogId> {
    match known {
        Some(known) => Ok(known),
        None => domain.store().await?.log_id().await,
    }
}

async fn servers_of(domain: Domain, log: LogId) -> Result<ServerPages> {
    let asked = tokio::task::spawn_blocking(move || ServerPages::of(&domain, &log)).await;
    asked.map_err(|failed| Error::failed("asking the servers ended early").with_source(failed))
}

/// What is counted of every lane.
fn lane_looks(found: &[SubscriptionStatus], servers: &[ServerPage]) -> BTreeMap<LaneKey, LaneLook> {
    let lanes = found.iter().flat_map(|of| of.lanes.iter().map(move |lane| (of, lane)));
    let look = |(of, lane): (&SubscriptionStatus, &LaneStatus)| {
        let runs = servers.iter().filter_map(|server| {
            let handler = server.report.handlers.iter().find(|handler| is_of(handler, of))?;
            let counted = handler.lanes.iter().find(|counted| counted.stream == lane.stream)?;
            let (handled, failed, seconds) = (counted.handled, counted.failed, counted.seconds);
            Some((server.process.pid, Runs { handled, failed, seconds }))
        });
        (key(of, lane), LaneLook { lag: lane.lag, runs: runs.collect() })
    };
    lanes.map(look).collect()
}

fn key(of: &SubscriptionStatus, lane: &LaneStatus) -> LaneKey {
    (claim(&of.group, &of.category), lane.stream.clone())
}

fn is_of(handler: &HandlerReport, of: &SubscriptionStatus) -> bool {
    *handler.group == *of.group && handler.category == of.category.as_str()
}

fn row(
    status: SubscriptionStatus,
    servers: &[ServerPage],
    rates: &BTreeMap<LaneKey, Rate>,
) -> HandlerRow {
    let reports: Vec<_> = servers
        .iter()
        .filter_map(|server| {
            let handler = server.report.handlers.iter().find(|handler| is_of(handler, &status))?;
            Some((&server.process, handler))
        })
        .collect();
    let has_role =
        |role: &'static str| reports.iter().filter(move |(_, handler)| handler.role == role);
    let lane = |lane: &LaneStatus| {
        let of_lane = has_role("reading").flat_map(|(_, handler)| &handler.lanes);
        let mut breakers =
            of_lane.filter(|of| of.stream == lane.stream).map(|of| of.breaker_open).peekable();
        let is_known = breakers.peek().is_some();
        LaneRow {
            status: lane.clone(),
            rate: rates.get(&key(&status, lane)).copied().unwrap_or_default(),
            breaker_open: is_known.then(|| breakers.any(|open| open)),
        }
    };
    let lanes = status.lanes.iter().map(lane).collect();
    HandlerRow {
        holders: has_role("reading").map(|(process, _)| (*process).clone()).collect(),
        standing_by: has_role("standing by").count(),
        lanes,
        group: status.group,
        handler: status.handler,
        category: status.category.to_string(),
        kind: kind(status.kind),
        source: status.subscription_type.to_string(),
        // Other handlers ignore messages all the time.
        ignored: status.ignored.filter(|_| status.kind == HandlerKind::Process),
    }
}

fn kind(kind: HandlerKind) -> &'static str {
    match kind {
        HandlerKind::Commands => "commands",
        HandlerKind::Events => "event handler",
        HandlerKind::Projector => "projector",
        HandlerKind::Process => "process manager",
        HandlerKind::Subscriber { .. } => "subscriber",
    }
}
