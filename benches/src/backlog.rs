//! Creates a backlog and waits until it is handled.

use std::time::{Duration, Instant};

use fidelis::account::Account;
use protean::port::GroupStatus;
use protean::{Domain, HandlerKind, Priority, processing_priority};
use protean_cli::{App, Error, Result};

use crate::bank;

/// Messages that must wait before a flood reports `flowing`.
const FLOWING_COUNT: u64 = 5_000;
/// Events per transaction of a flood.
const FLOOD_BATCH_SIZE: usize = 256;
/// When scheduled commands fall due, from the first one scheduled: a time, and one for each.
const SCHEDULING_TIME: Duration = Duration::from_secs(2);
const SCHEDULING_TIME_PER_COMMAND: Duration = Duration::from_micros(250);
/// How long to wait without progress.
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(120);
/// The time between two looks at what waits: at most half of what is left, once that is known.
const FIRST_LOOK_INTERVAL: Duration = Duration::from_millis(200);
const LONGEST_LOOK_INTERVAL: Duration = Duration::from_secs(20);
/// The same where the end is to be seen within a few milliseconds.
const EXACT_LOOK_INTERVALS: (Duration, Duration) =
    (Duration::from_millis(2), Duration::from_millis(200));

/// Sends `count` commands that each open an account.
///
/// # Errors
/// When the database cannot be written.
pub(crate) async fn fill(domain: &Domain, count: u64, priority: Priority) -> Result<()> {
    domain.process_all((0..count).map(bank::opening)).priority(priority).await?;
    Ok(())
}

/// Waits until the handlers of one kind have settled `count` messages. Looks the more often the
/// nearer the end is, so that it is seen when it comes.
///
/// # Errors
/// When nothing is settled for two minutes, or the database cannot be read.
pub(crate) async fn settled(domain: &Domain, kind: HandlerKind, count: u64) -> Result<()> {
    let began = Instant::now();
    let (mut first, mut settled, mut progressed) = (None, 0, began);
    while settled < count {
        let begun = Instant::now();
        let now = settled_by(domain, kind).await?;
        if now > settled {
            (settled, progressed) = (now, begun);
        }
        if progressed.elapsed() > PROGRESS_TIMEOUT {
            return Err(Error::failed(format!(
                "only {settled} of {count} messages are settled, none within {PROGRESS_TIMEOUT:?}"
            )));
        }
        let done = now.saturating_sub(*first.get_or_insert(now));
        let (shortest, longest) = EXACT_LOOK_INTERVALS;
        let interval = match done {
            0 => shortest,
            _ => left(began, done, count.saturating_sub(now)) / 2,
        };
        tokio::time::sleep(interval.clamp(shortest, longest).max(begun.elapsed())).await;
    }
    Ok(())
}

/// How long the rest takes if it goes on as since then.
fn left(began: Instant, done: u64, waiting: u64) -> Duration {
    began.elapsed().mul_f64(waiting as f64 / done as f64)
}

/// Waits until everything committed is settled, provided that nobody sends commands.
///
/// # Errors
/// When nothing is settled for two minutes, or the database cannot be read.
pub(crate) async fn drained(domain: &Domain) -> Result<()> {
    for kind in [HandlerKind::Commands, HandlerKind::Projector] {
        let committed = sum(domain, kind, |status| status.committed).await?;
        settled(domain, kind, committed).await?;
    }
    Ok(())
}

/// Waits until no bulk message waits, provided that nobody sends any. Looks seldom while many
/// wait: what is measured is not to be disturbed.
///
/// # Errors
/// When none is settled for two minutes, or the database cannot be read.
pub(crate) async fn bulk_drained(domain: &Domain) -> Result<()> {
    let began = Instant::now();
    let (mut first, mut least, mut progressed) = (None, u64::MAX, began);
    loop {
        let begun = Instant::now();
        // Each command is followed by an event.
        let commands = sum(domain, HandlerKind::Commands, bulk_lag).await?;
        let waiting = 2 * commands + sum(domain, HandlerKind::Projector, bulk_lag).await?;
        if waiting == 0 {
            return Ok(());
        }
        if waiting < least {
            (least, progressed) = (waiting, begun);
        }
        if progressed.elapsed() > PROGRESS_TIMEOUT {
            return Err(Error::failed(format!(
                "{waiting} bulk messages wait, and none is settled within {PROGRESS_TIMEOUT:?}"
            )));
        }
        let done = first.get_or_insert(waiting).saturating_sub(waiting);
        let left = match done {
            0 => FIRST_LOOK_INTERVAL,
            done => left(began, done, waiting),
        };
        // The end is seen late by a twentieth of the whole at most.
        let longest = (began.elapsed() / 20).clamp(FIRST_LOOK_INTERVAL, LONGEST_LOOK_INTERVAL);
        let interval = (left / 2).min(longest).max(begun.elapsed());
        tokio::time::sleep(interval).await;
    }
}

fn bulk_lag(status: &GroupStatus) -> u64 {
    let bulk = status.lanes.iter().filter(|of| of.priority == Priority::BULK);
    bulk.map(|of| of.lag).sum()
}

/// How many messages the handlers of one kind have settled.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn settled_by(domain: &Domain, kind: HandlerKind) -> Result<u64> {
    sum(domain, kind, GroupStatus::settled).await
}

/// A figure of all handlers of one kind.
async fn sum(domain: &Domain, kind: HandlerKind, of: fn(&GroupStatus) -> u64) -> Result<u64> {
    let store = domain.store().await?;
    let mut sum = 0;
    for group in domain.groups().iter().filter(|group| group.kind == kind) {
        sum += of(&store.group_status(&group.name, &group.category).await?);
    }
    Ok(sum)
}

/// What a flood consists of.
#[derive(clap::Args)]
pub(crate) struct Flood {
    /// Commands that the handler refuses
    #[arg(long, conflicts_with = "events")]
    poisoned: bool,
    /// Events without commands, for the projector alone
    #[arg(long)]
    events: bool,
    /// Scheduled commands that all fall due at one moment
    #[arg(long, requires = "count", conflicts_with_all = ["poisoned", "events"])]
    scheduled: bool,
    /// Ends after so many commands or events
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

impl Flood {
    /// Sends bulk messages until all are sent or the process is killed; prints `flowing` once enough wait.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub(crate) async fn run(&self, app: &App) -> Result<()> {
        let domain = app.domain()?;
        let count = self.count.unwrap_or(u64::MAX);
        if self.scheduled {
            return processing_priority(Priority::BULK, flood_at_once(&domain, count)).await;
        }
        if self.events {
            return processing_priority(Priority::BULK, flood_events(&domain, count)).await;
        }
        let command = if self.poisoned { bank::refused } else { bank::opening };
        let mut tell = tell_once();
        let bulk = domain.process_all((0..count).map(command)).priority(Priority::BULK);
        bulk.on_progress(move |progress| tell(progress.accepted)).await?;
        Ok(())
    }
}

async fn flood_events(domain: &Domain, count: u64) -> Result<()> {
    let mut tell = tell_once();
    for first in (0..count).step_by(FLOOD_BATCH_SIZE) {
        let opened = domain.unit_of_work(async |ctx| {
            for number in first..count.min(first + FLOOD_BATCH_SIZE as u64) {
                ctx.repository::<Account>().add(Account::open(bank::opening(number))?).await?;
            }
            Ok(())
        });
        opened.await?;
        tell(first);
    }
    Ok(())
}

/// Schedules commands for one moment, and prints `flowing` when it has come.
async fn flood_at_once(domain: &Domain, count: u64) -> Result<()> {
    let lead =
        SCHEDULING_TIME + SCHEDULING_TIME_PER_COMMAND * u32::try_from(count).unwrap_or(u32::MAX);
    let due = domain.clock().now() + lead;
    for first in (0..count).step_by(FLOOD_BATCH_SIZE) {
        let scheduled = domain.unit_of_work(async |ctx| {
            for number in first..count.min(first + FLOOD_BATCH_SIZE as u64) {
                ctx.command(bank::opening(number)).at(due).issue()?;
            }
            Ok(())
        });
        scheduled.await?;
    }
    let left = due.since(domain.clock().now());
    if left.is_zero() {
        return Err(Error::failed(format!("{count} commands were not scheduled within {lead:?}")));
    }
    tokio::time::sleep(left).await;
    eprintln!("flowing");
    Ok(())
}

/// Prints `flowing` when it hears of enough messages for the first time.
fn tell_once() -> impl FnMut(u64) {
    let mut flows = false;
    move |sent| {
        if sent >= FLOWING_COUNT && !std::mem::replace(&mut flows, true) {
            eprintln!("flowing");
        }
    }
}
