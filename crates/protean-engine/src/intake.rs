//! Moves commands that plain programs have inserted into the log.
//!
//! ```text
//! protean_intake ─▶ rows, production first ─▶ one unit each: out of the table, into the log
//!                                          └▶ or to the rejects, with the reason
//! ```
//! One process of a domain does this at a time; even if two try, a row enters the log only once.

use std::sync::Arc;

use protean_core::domain::{Domain, Intake};
use protean_port::Result;
use protean_port::message::Lane;
use protean_port::port::Store;
use tokio_util::sync::CancellationToken;

use crate::bulk_steps::BulkSteps;
use crate::leadership::{LeaderTerm, Leadership};
use crate::rounds::repeat_rounds;

/// The maximum number of production rows in one commit.
const PRODUCTION_ROWS: usize = 256;
/// The maximum number of bulk rows in one commit, which waits for its turn.
const BULK_ROWS: usize = 64;

/// Takes rows until `stop` is cancelled, while this process holds the claim. Cancel safe: rows that
/// were not taken keep waiting.
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

/// Takes production rows, then a step of bulk rows. True when there may be more.
async fn round(domain: &Domain, steps: &BulkSteps) -> Result<bool> {
    let intake = Intake::of(domain);
    // At rest, this is the only query.
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
