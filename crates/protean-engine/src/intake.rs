//! Takes commands into the log that plain programs have enqueued.
//!
//! ```text
//! protean_intake ─▶ rows, production first ─▶ one unit each: out of the table, into the log
//!                                          └▶ or to the rejects, with the reason
//! ```
//! One process of a domain does so at a time; a row that two processes take goes into the log once.

use std::sync::Arc;

use protean_core::domain::{Domain, Intake};
use protean_port::Result;
use protean_port::message::Lane;
use protean_port::port::Store;
use tokio_util::sync::CancellationToken;

use crate::bulk_steps::BulkSteps;
use crate::leadership::{LeaderTerm, Leadership};
use crate::rounds::repeat_rounds;

/// The most rows of production that one commit takes.
const PRODUCTION_ROWS: usize = 256;
/// The same of bulk work, which takes a turn for it.
const BULK_ROWS: usize = 64;

/// Takes in what is enqueued until `stop` is cancelled, while this process holds the claim. Cancel
/// safe: what was not taken still waits.
pub(crate) async fn take_in_commands(
    domain: Domain,
    store: Arc<dyn Store>,
    steps: BulkSteps,
    stop: CancellationToken,
) {
    let work = |claim, term: LeaderTerm| {
        let (domain, steps) = (&domain, &steps);
        async move {
            let round = || round(domain, steps);
            repeat_rounds(term.over(), "take in what programs have enqueued", round).await;
            drop(claim);
        }
    };
    let claim = format!("{}.intake", domain.name());
    Leadership::new(store, claim).run(&stop, work).await;
}

/// Takes some of the rows: those of production, then a step of bulk work. True when more may be.
async fn round(domain: &Domain, steps: &BulkSteps) -> Result<bool> {
    let intake = Intake::of(domain);
    // At rest this is all that is asked.
    if intake.waiting(1).await?.is_empty() {
        return Ok(false);
    }
    let (lanes, mut has_taken) = (domain.lanes(), false);
    for lane in lanes.lanes() {
        let range = lanes.range(*lane);
        let most = match lane {
            Lane::Primary => PRODUCTION_ROWS,
            Lane::Backfill => BULK_ROWS,
        };
        // A step of bulk work waits for its turn, so take one only when there is a row for it.
        if *lane == Lane::Primary || intake.is_waiting(range).await? {
            has_taken |= steps.run(*lane, intake.take(range, most)).await? > 0;
        }
    }
    Ok(has_taken)
}
