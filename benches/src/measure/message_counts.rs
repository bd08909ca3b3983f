//! What one production deposit more costs while nothing else runs: the slope between two
//! rates, so that idle polling and what runs once per second drop out. Unlike a time, a
//! count does not depend on the machine.

use std::time::Duration;

use protean_cli::Result;

use crate::arrivals::Schedule;
use crate::backlog;
use crate::bare::Lanes;
use crate::counters::{COUNTED, Counters, Counts};
use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::sheet::{Bound, RowId, Sheet, Target, median};
use crate::stack::{Servers, Stack};
use crate::watch::Watcher;

/// Deposits per second.
const SLOW: f64 = 40.0;
const FAST: f64 = 160.0;
/// The most that the first figures of [`COUNTED`] may be.
const GOALS: [f64; 3] = [3.0, 8.0, 8.0];

pub(super) async fn run(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let about = "one production deposit more, while nothing else runs";
    let mut sheet = Sheet::new("message-counts", about);
    let rows = rows(&mut sheet);
    let window = Window {
        sending: Duration::from_millis(plan.size(10_000, 500)),
        // An idle session of PostgreSQL reports its counts after ten seconds at the latest.
        reporting: Duration::from_millis(plan.size(10_500, 500)),
    };
    sheet.note(format!(
        "The slope between {SLOW} and {FAST} deposits per second, {:?} each. More: all that is",
        window.sending
    ));
    sheet.note(
        "counted meanwhile, by the deposits of that time. The limit is the production lane of",
    );
    sheet.note("the bare pipeline; its processor figures include those who send.");
    let (mut ours, mut limits) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds() {
        ours.push(of_product(stack, window).await?);
        limits.push(of_bare(stack, window).await?);
    }
    for (index, row) in rows.into_iter().enumerate() {
        ours.iter().for_each(|costs| sheet.ours(row, costs.more.0[index]));
        limits.iter().for_each(|costs| sheet.limit(row, costs.more.0[index]));
        let all = |of: fn(&Costs) -> Counts| {
            median(&ours.iter().map(|costs| of(costs).0[index]).collect::<Vec<_>>())
        };
        sheet.more(row, all(|costs| costs.slow).map(|each| ("at 40/s", each)));
        sheet.more(row, all(|costs| costs.fast).map(|each| ("at 160/s", each)));
        sheet.more(row, all(|costs| costs.idle).map(|idle| ("idle per second", idle)));
    }
    Ok(sheet)
}

fn rows(sheet: &mut Sheet) -> [RowId; COUNTED.len()] {
    let mut goals = GOALS.into_iter();
    COUNTED.map(|(what, unit)| {
        let goal = goals.next().map(|most| Target::ours(Bound::AtMost(most)));
        sheet.row(what, unit, goal.unwrap_or(Target::NONE))
    })
}

/// How long a rate is observed.
#[derive(Clone, Copy)]
struct Window {
    sending: Duration,
    /// Until everything is handled and counted.
    reporting: Duration,
}

impl Window {
    /// The deposits sent at a rate.
    fn count(self, per_second: f64) -> f64 {
        per_second * self.sending.as_secs_f64()
    }
}

struct Costs {
    /// Of one deposit more.
    more: Counts,
    /// Of everything, divided by the deposits.
    slow: Counts,
    fast: Counts,
    /// Per second without deposits.
    idle: Counts,
}

impl Costs {
    async fn of(
        counters: &Counters<'_>,
        window: Window,
        mut send: impl AsyncFnMut(f64) -> Result<()>,
    ) -> Result<Self> {
        // What was counted before shall be reported before.
        tokio::time::sleep(window.reporting).await;
        let time = window.sending + window.reporting;
        let idle = counters.during(time, async { Ok(()) }).await?;
        let slow = counters.during(time, send(SLOW)).await?;
        let fast = counters.during(time, send(FAST)).await?;
        let (few, many) = (window.count(SLOW), window.count(FAST));
        let reporting = window.reporting.as_secs_f64() / time.as_secs_f64();
        let all = |counts: Counts, by: f64| {
            counts.each(idle, |count, idle| (count - idle * reporting) / by)
        };
        Ok(Self {
            more: fast.each(slow, |fast, slow| (fast - slow) / (many - few)),
            slow: all(slow, few),
            fast: all(fast, many),
            idle: idle.each(idle, |idle, _| idle / time.as_secs_f64()),
        })
    }
}

async fn of_product(stack: &Stack, window: Window) -> Result<Costs> {
    let place = Place::new(stack, Settings::default())?;
    let domain = place.domain()?;
    let server = place.server().await?;
    let customers = window.count(FAST) as u64;
    let accounts = Watcher::of(&domain).await?.open_accounts(&domain, customers).await?;
    backlog::drained(&domain).await?;
    let counters = Counters::of(stack.servers()?, &place, server.processes()).await?;
    let costs = Costs::of(&counters, window, async |per_second| {
        let count = window.count(per_second) as u64;
        let schedule = Schedule { accounts: accounts.clone(), count, per_second };
        schedule.send_all(&domain).await
    });
    let costs = costs.await?;
    backlog::drained(&domain).await?;
    Ok(costs)
}

async fn of_bare(stack: &Stack, window: Window) -> Result<Costs> {
    let servers: &Servers = stack.servers()?;
    let place = Place::new(stack, Settings::default())?;
    let mut lanes = Lanes::start(&place).await?;
    let counters = Counters::of(servers, &place, vec![std::process::id()]).await?;
    let costs = Costs::of(&counters, window, async |per_second| {
        lanes.idle(per_second, window.sending).await.map(|_| ())
    });
    costs.await
}
