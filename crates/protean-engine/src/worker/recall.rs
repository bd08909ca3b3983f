//! What the process before left in flight when it ended abruptly, parked so that it runs
//! apart from everything else.

use std::time::Duration;

use protean_core::handling::{Backoff, Moment, left_out};
use protean_port::Result;
use protean_port::message::Lane;
use protean_port::port::{At, Changes, Delivery, DoneMark, Park};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::commit::commit_each;
use crate::failpoint::reached;
use crate::worker::STORE_RETRY_DELAY;
use crate::worker::runner::HandlerRunner;

/// Between the tries to read what was in flight; each that fails is logged.
const RETRY: Backoff =
    Backoff { base: STORE_RETRY_DELAY, factor: 2.0, longest: Duration::from_secs(5), jitter: 0.0 };

/// Parks the messages at the positions that were `left` in flight, and gives them. None
/// when `over` is cancelled first: what was in flight is not known then, and the notes stay
/// as they are.
pub(crate) async fn recall(
    runner: &HandlerRunner,
    left: &[u64],
    over: &CancellationToken,
) -> Option<Vec<Delivery>> {
    let mut failures = 0;
    loop {
        let error = match park_left(runner, left).await {
            Ok(left) => return Some(left),
            Err(error) => error,
        };
        failures += 1;
        let wait = RETRY.wait(failures, 0.0);
        warn!(
            handler = %runner.group.handler, error = format_args!("{error:#}"), next_try = ?wait,
            "cannot read the messages that were in flight, trying again"
        );
        if tokio::time::timeout(wait, over.cancelled()).await.is_ok() {
            return None;
        }
    }
}

async fn park_left(runner: &HandlerRunner, left: &[u64]) -> Result<Vec<Delivery>> {
    if left.is_empty() {
        return Ok(Vec::new());
    }
    let (group, now) = (&runner.group, runner.domain.clock().now());
    let moment = Moment { now, waits_from: now, lane: Lane::Primary };
    let deliveries = runner.store.recall(&group.name, &group.category, left).await?;
    let units = deliveries.iter().filter_map(|delivery| parked_again(runner, delivery, moment));
    commit_each(&*runner.store, units.collect()).await?;
    reached("after what was left is parked");
    Ok(deliveries)
}

/// One that is parked already stays as it is. The due times of suspects are
/// those of their messages, so that the one sent first is found first.
fn parked_again(runner: &HandlerRunner, delivery: &Delivery, moment: Moment) -> Option<Changes> {
    let message = &delivery.recorded.message;
    let moment = Moment { lane: runner.domain.lanes().lane(message.priority), ..moment };
    let mut changes = left_out(&runner.group, delivery, moment)?;
    for park in &mut changes.parks {
        if let Park::Keep { due, .. } = park {
            *due = Some(message.time.min(moment.waits_from));
        }
    }
    let at = At::First(delivery.recorded.position);
    changes.marks.push(DoneMark::of(&runner.group.name, message, at));
    Some(changes)
}
