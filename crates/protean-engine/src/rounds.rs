//! Moves into the log what waits outside of it: scheduled messages when they are due, and commands
//! that plain programs have inserted.
//!
//! ```text
//! scheduled ──────┐
//! protean_intake ─┴▶ one look ─▶ production of both ─▶ a step of bulk work of each ─▶ one look …
//! ```
//! One process of a domain does so at a time. What two processes take enters the log once, since
//! the unit that appends a message also takes it out.

use std::sync::Arc;
use std::time::Duration;

use protean_core::domain::{Domain, Intake, ScheduledMessages};
use protean_port::message::{Lane, Priority};
use protean_port::port::Store;
use protean_port::{Error, Result};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::bulk_steps::BulkSteps;
use crate::leadership::{LeaderTerm, Leadership};

/// How long to wait when there is nothing more to move.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// The most messages or rows of production in one commit.
const PRODUCTION_UNITS: usize = 256;
/// The same of bulk work, which waits for its turn.
const BULK_UNITS: usize = 64;

/// Moves what waits until `stop` is cancelled, while this process holds the claim. Cancel safe: what
/// was not moved keeps waiting.
pub(crate) async fn move_into_log(
    domain: Domain,
    store: Arc<dyn Store>,
    steps: BulkSteps,
    stop: CancellationToken,
) {
    let work = |claim, term: LeaderTerm| {
        let (domain, steps) = (&domain, &steps);
        async move {
            repeat_rounds(domain, steps, term.over()).await;
            drop(claim);
        }
    };
    let claim = format!("{}.schedule", domain.name());
    Leadership::new(store, claim).run(&stop, work).await;
}

/// A round every [`LOOK_INTERVAL`], and the next at once after one that has moved something. Of
/// several failures in a row, the first is logged.
async fn repeat_rounds(domain: &Domain, steps: &BulkSteps, stop: &CancellationToken) {
    let mut has_failed = false;
    while !stop.is_cancelled() {
        match round(domain, steps).await {
            Ok(moved) => {
                has_failed = false;
                if moved > 0 {
                    continue;
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut has_failed, true) {
                    warn!(
                        error = format_args!("{error:#}"),
                        "cannot move scheduled messages or the intake into the log, trying again"
                    );
                }
            }
        }
        let _ = tokio::time::timeout(LOOK_INTERVAL, stop.cancelled()).await;
    }
}

/// Moves some of what waits: production, then bulk work. Returns how much that was.
async fn round(domain: &Domain, steps: &BulkSteps) -> Result<usize> {
    let (scheduled, intake) = (ScheduledMessages::of(domain), Intake::of(domain));
    // At rest, this is the only query.
    if !scheduled.is_pending(Priority::ALL).await? {
        return Ok(0);
    }
    let mut moved = 0;
    for lane in domain.lanes().lanes() {
        let range = domain.lanes().range(*lane);
        let most = match lane {
            Lane::Primary => PRODUCTION_UNITS,
            Lane::Backfill => BULK_UNITS,
        };
        // A step of bulk work waits for its turn, so take one only when there is something for it.
        if *lane == Lane::Backfill && !scheduled.is_pending(range).await? {
            continue;
        }
        let step = async {
            // A failure of one of them does not hold up the other.
            let released = scheduled.release(range, most).await;
            let taken = if intake.is_open() { intake.take(range, most).await } else { Ok(0) };
            Ok::<_, Error>(released? + taken?)
        };
        moved += steps.run(*lane, step).await?;
    }
    Ok(moved)
}
