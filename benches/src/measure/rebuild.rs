//! How long a customer waits while a projection is rebuilt.
//!
//! ```text
//! deposits   ─────────────────────────────────────────────────────▶ on a schedule
//! rebuild        idle │ program ─▶ killed half way ─▶ program ─▶ swap │ idle
//! projector  ───────────────── how long it stands still at most ────────────────
//! ```

use std::time::{Duration, Instant};

use protean::{Domain, HandlerKind};
use protean_cli::{Error, Result};
use protean_engine::rebuilds;
use tokio_util::sync::CancellationToken;
use workbench::child::Child;
use workbench::latency::Latencies;

use crate::backlog;
use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::sheet::{Bound, RowId, Sheet, Target};
use crate::site::{Crowd, Site};
use crate::stack::Stack;
use crate::timeline::{Part, Timeline};

/// The time between two looks at the projector: what its longest pause is exact to.
const PROJECTOR_LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// The time between two looks at the rebuild.
const REBUILD_LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// The seconds before and after the end of the rebuild that count as the swap.
const SECONDS_AROUND_SWAP: (f64, f64) = (4.0, 1.0);

pub(super) async fn run(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let about = "a projection is rebuilt from the log while customers make deposits";
    let mut sheet = Sheet::new("rebuild", about);
    let rows = Rows::add(&mut sheet, plan.backlog());
    for _ in 0..plan.long_rounds() {
        let found = Rebuild::of(plan).measure(stack).await?;
        rows.fill(&mut sheet, &found);
    }
    sheet
        .note("The program that rebuilds is killed half way and called again. The rate is that of");
    sheet.note("the second call. The limit is the figure before and after the rebuild.");
    Ok(sheet)
}

/// What is measured.
#[derive(Clone, Copy)]
struct Rebuild {
    accounts: u64,
    crowd: Crowd,
    /// How long deposits are made before and after it.
    margin: Duration,
}

/// What a round has found.
struct Found {
    timeline: Timeline,
    /// Messages that the second call has settled, deposits meanwhile among them, and how long it took.
    settled: u64,
    took: Duration,
    /// MiB of the program, and of the server before and after.
    memory: f64,
    server_memory: [f64; 2],
    longest_pause: Duration,
}

impl Rebuild {
    fn of(plan: &Plan) -> Self {
        let crowd = Crowd { customers: plan.size(1000, 30), per_second: plan.rate() };
        let margin = Duration::from_secs(plan.size(20, 1));
        Self { accounts: plan.backlog(), crowd, margin }
    }

    async fn measure(self, stack: &Stack) -> Result<Found> {
        let mut site = Site::open(stack, Settings::default(), self.crowd).await?;
        let count = self.accounts.to_string();
        site.place.child(&["flood", "--events", "--count", &count])?.end_by_itself().await?;
        backlog::drained(&site.domain).await?;
        let (stop, start) = (CancellationToken::new(), Instant::now());
        let schedule = site.schedule(u64::MAX);
        let Site { domain, watcher, place, server, .. } = &mut site;
        let deposits = schedule.run_until(domain, watcher, start, stop.clone());
        let (domain, place, server) = (&*domain, &*place, &*server);
        let projector = longest_pause(domain, stop.clone());
        let rebuild = async {
            let _stop = stop.drop_guard();
            tokio::time::sleep(self.margin).await;
            let before = server.peak_memory().unwrap_or(0.0);
            let begin = start.elapsed().as_secs_f64();
            let first = program(place)?;
            until_settled(domain, self.accounts / 2).await?;
            drop(first);
            let settled = settled_by_rebuild(domain).await?;
            let again = Instant::now();
            let memory = to_its_end(program(place)?).await?;
            let (took, end) = (again.elapsed(), start.elapsed().as_secs_f64());
            let all = backlog::settled_by(domain, HandlerKind::Projector).await?;
            let settled = all.saturating_sub(settled);
            tokio::time::sleep(self.margin).await;
            let server_memory = [before, server.peak_memory().unwrap_or(0.0)];
            Ok((settled, took, memory, server_memory, begin..end))
        };
        let (deposits, longest_pause, rebuild) = tokio::try_join!(deposits, projector, rebuild)?;
        let (settled, took, memory, server_memory, migration) = rebuild;
        let timeline = Timeline { deposits, migration };
        Ok(Found { timeline, settled, took, memory, server_memory, longest_pause })
    }
}

fn program(place: &Place) -> Result<Child> {
    place.child(&["projection", "rebuild", "AccountSummary"])
}

/// Waits until a rebuild has settled so many messages.
async fn until_settled(domain: &Domain, count: u64) -> Result<()> {
    while settled_by_rebuild(domain).await? < count {
        tokio::time::sleep(REBUILD_LOOK_INTERVAL).await;
    }
    Ok(())
}

/// How many messages the rebuild that is under way has settled.
async fn settled_by_rebuild(domain: &Domain) -> Result<u64> {
    let found = rebuilds(domain).await?.into_iter().next();
    let Some(found) = found else { return Err(Error::failed("there is no projection")) };
    if found.generation > 1 {
        return Err(Error::failed("the rebuild has ended before half of it: use more --backlog"));
    }
    Ok(found.rebuild.map_or(0, |progress| progress.settled))
}

/// Waits until the program ends, and answers its peak memory in MiB.
async fn to_its_end(program: Child) -> Result<f64> {
    let mut memory = 0.0;
    // One that has ended has no memory any more.
    while let Some(peak) = program.peak_memory() {
        memory = peak;
        tokio::time::sleep(REBUILD_LOOK_INTERVAL).await;
    }
    program.end_by_itself().await?;
    Ok(memory)
}

/// The longest time in which the projector has settled nothing.
async fn longest_pause(domain: &Domain, stop: CancellationToken) -> Result<Duration> {
    let (mut settled, mut moved, mut longest) = (0, Instant::now(), Duration::ZERO);
    while !stop.is_cancelled() {
        let now = backlog::settled_by(domain, HandlerKind::Projector).await?;
        longest = longest.max(moved.elapsed());
        if now != settled {
            (settled, moved) = (now, Instant::now());
        }
        tokio::time::sleep(PROJECTOR_LOOK_INTERVAL).await;
    }
    Ok(longest)
}

struct Rows {
    p50: RowId,
    p99: RowId,
    swap: RowId,
    pause: RowId,
    rate: RowId,
    memory: RowId,
    server_memory: RowId,
}

impl Rows {
    fn add(sheet: &mut Sheet, accounts: u64) -> Self {
        let twice = Target::ratio(Bound::AtMost(2.0));
        Self {
            p50: sheet.row("deposits meanwhile: p50", "ms", Target::ratio(Bound::AtMost(1.5))),
            p99: sheet.row("deposits meanwhile: p99", "ms", twice),
            swap: sheet.row("deposits around the swap: p99", "ms", twice),
            pause: sheet.row("the projector stands still", "s", Target::ours(Bound::AtMost(1.0))),
            rate: sheet.row(format!("{accounts} events"), "1/s", Target::NONE),
            memory: sheet.row("memory of the program", "MiB", Target::ours(Bound::AtMost(64.0))),
            server_memory: sheet.row("memory of the server", "MiB", Target::NONE),
        }
    }

    fn fill(&self, sheet: &mut Sheet, found: &Found) {
        let mut idle = found.timeline.latencies(Part::Before);
        idle.extend(&found.timeline.latencies(Part::After));
        let meanwhile = found.timeline.latencies(Part::During);
        sheet.ours(self.p50, meanwhile.millis(0.5));
        sheet.limit(self.p50, idle.millis(0.5));
        let (before, after) = SECONDS_AROUND_SWAP;
        let end = found.timeline.migration.end;
        let mut swap = Latencies::default();
        let around = |due: f64| (end - before..end + after).contains(&due);
        let near = found.timeline.deposits.iter().filter(|deposit| around(deposit.due_s));
        near.for_each(|deposit| swap.add(deposit.latency()));
        for (row, of) in [(self.p99, &meanwhile), (self.swap, &swap)] {
            sheet.ours(row, of.millis(0.99));
            sheet.limit(row, idle.millis(0.99));
            sheet.latencies(row, of);
        }
        sheet.ours(self.pause, found.longest_pause.as_secs_f64());
        sheet.ours(self.rate, found.settled as f64 / found.took.as_secs_f64());
        sheet.ours(self.memory, found.memory);
        let [before, after] = found.server_memory;
        sheet.ours(self.server_memory, after);
        sheet.limit(self.server_memory, before);
    }
}
