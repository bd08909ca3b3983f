//! The whole pipeline, with few commands and with many, and with customers beside it.

use std::time::Instant;

use protean::HandlerKind;
use protean::Priority;
use protean_cli::{Error, Result};
use workbench::latency::Latencies;

use crate::arrivals::Schedule;
use crate::backlog;
use crate::bare::Lanes;
use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::sheet::{Bound, RowId, Sheet, Target};
use crate::stack::{On, Stack};
use crate::watch::Watcher;

/// Accounts of the customers.
const ACCOUNTS: u64 = 1000;

pub(super) async fn run(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let about = "bulk commands, from the first one sent to the last event projected";
    let mut sheet = Sheet::new("pipeline", about);
    let (few, many) = (plan.size(20_000, 500), plan.backlog());
    let python = plan.size(1_000, 10);
    let has_limit = stack.on() == On::Servers;
    let target = if has_limit { Target::ratio(Bound::AtLeast(0.6)) } else { Target::NONE };
    let small = Case::new(&mut sheet, few, target.and_peer(Bound::AtLeast(100.0)));
    let large = Case::new(&mut sheet, many, target);
    let flat = Target::ratio(Bound::AtLeast(0.9));
    let flat = sheet.row(format!("{many} commands (limit: {few})"), "1/s", flat);
    let beside = has_limit.then(|| Beside::new(&mut sheet, few, plan.rate(), target));
    notes(&mut sheet, stack, python);
    for _ in 0..plan.long_rounds() {
        let limit = small.round(&mut sheet, stack).await?;
        if let Some(beside) = &beside {
            beside.round(&mut sheet, stack, few as f64 / limit).await?;
        }
        let ours = large.round(&mut sheet, stack).await?;
        sheet.limit(flat, limit);
        sheet.ours(flat, ours);
        if let Some(peer) = stack.peer() {
            sheet.peer(small.rate, peer.pipeline(python).await?);
        }
    }
    Ok(sheet)
}

fn notes(sheet: &mut Sheet, stack: &Stack, python: u64) {
    sheet.note("command, aggregate, event, relay, broker, projector; the sender and the server");
    sheet.note("are separate processes. Disk is the growth of the database.");
    if stack.on() == On::Servers {
        sheet
            .note("The limit moves the same messages by plain SQL and Redis commands, one step of");
        sheet
            .note("bulk work at a time; Redis gets the positions of its bulk messages, not these.");
    }
    if stack.peer().is_some() {
        sheet.note(format!("Python's rate is for {python} commands per round."));
    }
}

struct Case {
    count: u64,
    rate: RowId,
    bytes: RowId,
}

impl Case {
    fn new(sheet: &mut Sheet, count: u64, target: Target) -> Self {
        let rate = sheet.row(format!("{count} commands"), "1/s", target);
        let bytes = sheet.row(format!("{count} commands: disk"), "bytes each", Target::NONE);
        Self { count, rate, bytes }
    }

    /// Runs one round; returns our commands per second.
    async fn round(&self, sheet: &mut Sheet, stack: &Stack) -> Result<f64> {
        let place = Place::new(stack, Settings::default())?;
        place.prepare().await?;
        let empty = place.bytes()?;
        let domain = place.domain()?;
        let server = place.server().await?;
        let begun = Instant::now();
        backlog::fill(&domain, self.count, Priority::BULK).await?;
        let filled = begun.elapsed().as_secs_f64();
        backlog::settled(&domain, HandlerKind::Projector, self.count).await?;
        let rate = self.count as f64 / begun.elapsed().as_secs_f64();
        drop(domain);
        server.stop()?;
        sheet.ours(self.rate, rate);
        sheet.more(self.rate, [("sent after s", filled)]);
        let bytes = place.bytes()?.saturating_sub(empty);
        sheet.ours(self.bytes, bytes as f64 / self.count as f64);
        if stack.on() == On::Servers {
            self.limit(sheet, stack).await?;
        }
        Ok(rate)
    }

    async fn limit(&self, sheet: &mut Sheet, stack: &Stack) -> Result<()> {
        let place = Place::new(stack, Settings::default())?;
        let mut lanes = Lanes::start(&place).await?;
        let empty = place.bytes()?;
        let took = lanes.bulk(self.count).await?;
        sheet.limit(self.rate, self.count as f64 / took.as_secs_f64());
        let bytes = place.bytes()?.saturating_sub(empty);
        sheet.limit(self.bytes, bytes as f64 / self.count as f64);
        Ok(())
    }
}

/// The same beside customers.
struct Beside {
    count: u64,
    /// Deposits per second.
    per_second: f64,
    rate: RowId,
    p50: RowId,
    p99: RowId,
}

impl Beside {
    fn new(sheet: &mut Sheet, count: u64, per_second: f64, target: Target) -> Self {
        let what = format!("{count} commands beside {per_second} deposits per second");
        Self {
            count,
            per_second,
            rate: sheet.row(&what, "1/s", target),
            p50: sheet.row(format!("{what}: deposits, p50"), "ms", Target::NONE),
            p99: sheet.row(format!("{what}: deposits, p99"), "ms", Target::NONE),
        }
    }

    /// Runs one round, with as many deposits as come while the commands alone are moved, which
    /// takes `seconds`.
    async fn round(&self, sheet: &mut Sheet, stack: &Stack, seconds: f64) -> Result<()> {
        let deposits = (self.per_second * seconds).ceil() as u64;
        let (rate, latencies) = self.ours(stack, deposits.max(1)).await?;
        sheet.ours(self.rate, rate);
        sheet.ours(self.p50, latencies.millis(0.5));
        sheet.ours(self.p99, latencies.millis(0.99));
        let place = Place::new(stack, Settings::default())?;
        let mut lanes = Lanes::start(&place).await?;
        let (took, latencies) = lanes.bulk_beside(self.count, self.per_second).await?;
        sheet.limit(self.rate, self.count as f64 / took.as_secs_f64());
        sheet.limit(self.p50, latencies.millis(0.5));
        sheet.limit(self.p99, latencies.millis(0.99));
        Ok(())
    }

    /// Commands per second, and the latency of the deposits.
    async fn ours(&self, stack: &Stack, deposits: u64) -> Result<(f64, Latencies)> {
        let place = Place::new(stack, Settings::default())?;
        let domain = place.domain()?;
        let _server = place.server().await?;
        let mut watcher = Watcher::of(&domain).await?;
        let accounts = watcher.open_accounts(&domain, deposits.min(ACCOUNTS)).await?;
        let all = accounts.len() as u64 + self.count + deposits;
        let schedule = Schedule { accounts, count: deposits, per_second: self.per_second };
        let begun = Instant::now();
        let bulk = async {
            backlog::fill(&domain, self.count, Priority::BULK).await?;
            backlog::settled(&domain, HandlerKind::Projector, all).await?;
            Ok::<_, Error>(self.count as f64 / begun.elapsed().as_secs_f64())
        };
        let (rate, latencies) = tokio::join!(bulk, schedule.run(&domain, &mut watcher));
        Ok((rate?, latencies?))
    }
}
