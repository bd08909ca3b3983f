//! Creates a backlog and waits until it is handled.

use std::time::{Duration, Instant};

use protean::HandlerKind;
use protean::port::GroupStatus;
use protean::{Domain, Priority};
use protean_cli::{App, Error, Result};

use crate::bank;

/// Commands that must wait before a flood reports `flowing`.
const FLOWING_COMMANDS: u64 = 5_000;
/// How long to wait without progress.
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(120);
/// Wait this many times as long as the last poll took, so that polling stays cheap.
const IDLE_FACTOR: u32 = 20;

/// Sends `count` commands that each open an account.
///
/// # Errors
/// When the database cannot be written.
pub(crate) async fn fill(domain: &Domain, count: u64, priority: Priority) -> Result<()> {
    domain.process_all((0..count).map(bank::opening)).priority(priority).await?;
    Ok(())
}

/// Waits until the handlers of one kind have settled `count` messages.
///
/// # Errors
/// When nothing is settled for two minutes, or the database cannot be read.
pub(crate) async fn settled(domain: &Domain, kind: HandlerKind, count: u64) -> Result<()> {
    let (mut settled, mut progressed) = (0, Instant::now());
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
        tokio::time::sleep((begun.elapsed() * IDLE_FACTOR).max(Duration::from_millis(2))).await;
    }
    Ok(())
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

/// Sends bulk commands until the process is killed; prints `flowing` once enough wait.
///
/// # Errors
/// When the database cannot be written.
pub(crate) async fn flood(app: &App, poisoned: bool) -> Result<()> {
    let command = if poisoned { bank::refused } else { bank::opening };
    let mut flows = false;
    let domain = app.domain()?;
    let bulk = domain.process_all((0..).map(command)).priority(Priority::BULK).on_progress(
        move |progress| {
            if progress.accepted >= FLOWING_COMMANDS && !std::mem::replace(&mut flows, true) {
                eprintln!("flowing");
            }
        },
    );
    bulk.await?;
    Ok(())
}
