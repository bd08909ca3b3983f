//! How long a customer waits before, during and after one migration, as a plot.
//!
//! ```text
//! a place each, one after the other: lanes on ─▶ lanes off ─▶ paced ─▶ Protean for Python
//! deposits   ────────────────────────────────────────────▶ on a schedule
//! migration            sender ─▶ everything settled
//! ```

use std::fs::OpenOptions;
use std::path::Path;
use std::time::{Duration, Instant};

use protean_cli::{Error, Result, grouped};
use tokio_util::sync::CancellationToken;

use super::bulk_latency::PACED_TARGET;
use crate::backlog;
use crate::peer::Peer;
use crate::place::Settings;
use crate::plan::Plan;
use crate::plot::{Panel, Plot};
use crate::sheet::{RowId, Sheet, Target};
use crate::site::{Crowd, Site};
use crate::stack::{On, Stack};
use crate::timeline::{Part, Timeline};

/// What the other system migrates in a minute or so.
const PEER_ACCOUNTS: u64 = 2000;
/// The most deposits that it handles beside.
const PEER_DEPOSITS_PER_SECOND: f64 = 10.0;

pub(super) async fn run(plan: &Plan, stack: &Stack, file: &Path) -> Result<Sheet> {
    let cannot = |error| {
        let file = file.display();
        Error::failed(format!("cannot write the plot to '{file}': {error}; choose another FILE"))
    };
    // Before half an hour of measuring.
    OpenOptions::new().append(true).create(true).open(file).map_err(cannot)?;
    let about = "a deposit from its scheduled arrival until it is seen in the log";
    let mut sheet = Sheet::new("bulk-latency", about);
    let migration = Migration::of(plan);
    let settings = Settings { workers: plan.workers(), ..Settings::default() };
    let lanes_on = migration.panel(stack, "Lanes on", settings).await?;
    let target = PACED_TARGET * lanes_on.timeline.latencies(Part::Before).millis(0.99);
    let lanes_off = Settings { lanes: false, ..settings };
    let lanes_off = migration.panel(stack, "Lanes off", lanes_off).await?;
    let paced = Settings { production_target_ms: Some(target), ..settings };
    let paced_name = format!("Paced, target {target:.1} ms");
    let paced = migration.panel(stack, &paced_name, paced).await?;
    let mut panels = vec![lanes_on, lanes_off, paced];
    panels.iter().for_each(|panel| add(&mut sheet, panel, Sheet::ours));
    if let Some(peer) = stack.peer() {
        let panel = migration.of_peer(plan).peer_panel(peer).await?;
        add(&mut sheet, &panel, Sheet::peer);
        panels.push(panel);
    }
    let plot = migration.plot(stack.on(), panels);
    std::fs::write(file, plot.to_string()).map_err(cannot)?;
    sheet.note(format!(
        "Drawn in {}. The limit is the figure before the migration.",
        file.display()
    ));
    Ok(sheet)
}

/// What each panel measures.
#[derive(Clone, Copy)]
struct Migration {
    accounts: u64,
    crowd: Crowd,
    /// How long deposits are made before and after it.
    margin: Duration,
}

impl Migration {
    fn of(plan: &Plan) -> Self {
        let crowd = Crowd { customers: plan.size(1000, 30), per_second: plan.rate() };
        let margin = Duration::from_secs(plan.size(20, 1));
        Self { accounts: plan.backlog(), crowd, margin }
    }

    async fn panel(self, stack: &Stack, name: &str, settings: Settings) -> Result<Panel> {
        eprintln!("measuring {name}");
        let site = Site::open(stack, settings, self.crowd).await?;
        let timeline = self.timeline(site).await?;
        Ok(Panel { name: name.to_owned(), accounts: self.accounts, timeline })
    }

    /// As much as the other system does in about as long.
    fn of_peer(self, plan: &Plan) -> Self {
        let accounts = self.accounts.min(plan.size(PEER_ACCOUNTS, 50));
        let per_second = self.crowd.per_second.min(PEER_DEPOSITS_PER_SECOND);
        Self { accounts, crowd: Crowd { per_second, ..self.crowd }, ..self }
    }

    async fn peer_panel(self, peer: &Peer) -> Result<Panel> {
        let per_second = self.crowd.per_second;
        let name = format!("Protean for Python 0.18, {per_second} deposits a second");
        eprintln!("measuring {name}");
        let timeline = peer.migration(self.accounts, per_second as u64, self.margin).await?;
        Ok(Panel { name, accounts: self.accounts, timeline })
    }

    async fn timeline(self, mut site: Site) -> Result<Timeline> {
        let (stop, start) = (CancellationToken::new(), Instant::now());
        let schedule = site.schedule(u64::MAX);
        let Site { domain, watcher, place, .. } = &mut site;
        let deposits = schedule.run_until(domain, watcher, start, stop.clone());
        let (domain, count) = (&*domain, self.accounts.to_string());
        let migration = async {
            tokio::time::sleep(self.margin).await;
            let begin = start.elapsed().as_secs_f64();
            place.child(&["flood", "--count", &count])?.end_by_itself().await?;
            backlog::bulk_drained(domain).await?;
            let end = start.elapsed().as_secs_f64();
            tokio::time::sleep(self.margin).await;
            stop.cancel();
            Ok(begin..end)
        };
        let (deposits, migration) = tokio::try_join!(deposits, migration)?;
        Ok(Timeline { deposits, migration })
    }

    fn plot(self, on: On, panels: Vec<Panel>) -> Plot {
        let stack = match on {
            On::File => "One SQLite file",
            On::Servers => "PostgreSQL and Redis",
        };
        let (accounts, rate) = (grouped(self.accounts), self.crowd.per_second);
        Plot {
            title: format!("What a customer waits while {accounts} accounts migrate"),
            about: [
                format!(
                    "{stack}, {rate} deposits a second: from the scheduled arrival of each until \
                     it is handled."
                ),
                "The latency axis is logarithmic. Machine and settings: docs/book/src/performance.md"
                    .to_owned(),
            ],
            panels,
        }
    }
}

/// Adds the figures of a panel, as ours or as those of the other system.
fn add(sheet: &mut Sheet, panel: &Panel, figure: fn(&mut Sheet, RowId, f64)) {
    let before = panel.timeline.latencies(Part::Before);
    for part in Part::ALL {
        let latencies = panel.timeline.latencies(part);
        let mut row = |percentile: &str, found, limit| -> RowId {
            let what = format!("{}, {}: {percentile}", panel.name, part.name());
            let at = sheet.row(what, "ms", Target::NONE);
            figure(sheet, at, found);
            if part != Part::Before {
                sheet.limit(at, limit);
            }
            at
        };
        row("p50", latencies.millis(0.5), before.millis(0.5));
        let p99 = row("p99", latencies.millis(0.99), before.millis(0.99));
        sheet.latencies(p99, &latencies);
        if part == Part::During {
            let seconds = panel.timeline.migration.end - panel.timeline.migration.start;
            sheet.more(p99, [("bulk/s", panel.accounts as f64 / seconds)]);
        }
    }
}
