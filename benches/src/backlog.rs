//! Work that waits: sending it, and waiting until it is done.

use std::time::{Duration, Instant};

use protean::HandlerKind;
use protean::{Domain, Priority};
use protean_cli::{App, Error, Result};

use crate::bank;

/// So many commands wait when a flood is said to flow.
const CUSHION: u64 = 5_000;
/// How long nothing may be settled.
const PATIENCE: Duration = Duration::from_secs(120);
/// Looking takes at most one part of this many of the time.
const SHARE: u32 = 20;

/// Sends so many commands that open an account.
///
/// # Errors
/// When the database cannot be written.
pub(crate) async fn fill(domain: &Domain, count: u64, priority: Priority) -> Result<()> {
    domain.process_all((0..count).map(bank::opening)).priority(priority).await?;
    Ok(())
}

/// Waits until the handlers of one kind have settled so many messages.
///
/// # Errors
/// When nothing moves for two minutes, or the database cannot be read.
pub(crate) async fn settled(domain: &Domain, kind: HandlerKind, count: u64) -> Result<()> {
    let mut seen = (0, Instant::now());
    while seen.0 < count {
        let begun = Instant::now();
        let settled = settled_by(domain, kind).await?;
        if settled > seen.0 {
            seen = (settled, begun);
        }
        if seen.1.elapsed() > PATIENCE {
            let told = format!("{settled} of {count} messages are settled, and none for a while");
            return Err(Error::failed(told));
        }
        tokio::time::sleep((begun.elapsed() * SHARE).max(Duration::from_millis(2))).await;
    }
    Ok(())
}

/// How many messages the handlers of one kind have settled.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn settled_by(domain: &Domain, kind: HandlerKind) -> Result<u64> {
    let store = domain.store().await?;
    let mut settled = 0;
    for group in domain.groups().iter().filter(|group| group.kind == kind) {
        settled += store.group_status(&group.name, &group.category).await?.settled();
    }
    Ok(settled)
}

/// Sends bulk commands until the process is killed; says so when enough wait.
///
/// # Errors
/// When the database cannot be written.
pub(crate) async fn flood(app: &App, poisoned: bool) -> Result<()> {
    let command = if poisoned { bank::refused } else { bank::opening };
    let mut flows = false;
    let bulk = app.domain()?.process_all((0..).map(command)).priority(Priority::BULK);
    let bulk = bulk.on_progress(move |intake| {
        if intake.accepted >= CUSHION && !std::mem::replace(&mut flows, true) {
            eprintln!("flowing");
        }
    });
    bulk.await?;
    Ok(())
}
