//! Deletes idempotency keys and dead letters that are too old, and warns when dead letters
//! pile up.

use std::time::Duration;

use protean_core::domain::Domain;
use protean_port::Result;
use protean_port::message::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::dead_letters::DeadLetters;

/// How many idempotency keys are deleted at once: a commit in between waits for as many.
const SWEEP_KEYS: usize = 200;

/// Maintains the store every `server.dlq.check_interval`, until `stop` is cancelled.
pub(crate) async fn maintain(domain: Domain, stop: CancellationToken) {
    let interval = domain.config().server.dlq.check_interval;
    while tokio::time::timeout(interval, stop.cancelled()).await.is_err() {
        tokio::select! {
            done = round(&domain) => {
                if let Err(error) = done {
                    warn!(
                        error = format_args!("{error:#}"), next_try = ?interval,
                        "maintenance failed, trying again"
                    );
                }
            }
            _ = stop.cancelled() => return,
        }
    }
}

async fn round(domain: &Domain) -> Result {
    let (store, now) = (domain.store().await?, domain.clock().now());
    while store.sweep(now, SWEEP_KEYS).await? == SWEEP_KEYS {
        tokio::task::yield_now().await;
    }
    if domain.config().server.dlq.enabled {
        dead_letters(domain, now).await?;
    }
    Ok(())
}

async fn dead_letters(domain: &Domain, now: Timestamp) -> Result {
    let settings = domain.config().server.dlq;
    for group in domain.groups() {
        let letters = DeadLetters::of(domain, group).await?;
        let purged = letters.purge_all(before(now, settings.retention)).await?;
        if purged > 0 {
            info!(handler = %group.handler, purged, "dead letters older than server.dlq.retention purged");
        }
        let threshold = usize::try_from(settings.alert_threshold).unwrap_or(usize::MAX);
        if letters.page(0, threshold).await?.len() >= threshold {
            let threshold = settings.alert_threshold;
            warn!(handler = %group.handler, threshold, "many dead letters; inspect them with `dlq list`");
        }
    }
    Ok(())
}

fn before(now: Timestamp, retention: Duration) -> Timestamp {
    let micros = i64::try_from(retention.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.as_micros().saturating_sub(micros))
}
