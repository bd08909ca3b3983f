//! Forgets what need not be kept any longer, and tells of dead letters that pile up.

use std::time::Duration;

use protean_core::domain::Domain;
use protean_port::Result;
use protean_port::message::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::dead_letters::DeadLetters;

/// How many keys of commands are forgotten at once: what a commit in between waits for.
const KEYS: usize = 200;

/// Looks after the store from time to time, until it is told to stop.
pub(crate) async fn maintain(domain: Domain, stop: CancellationToken) {
    let interval = domain.config().server.dlq.check_interval;
    while tokio::time::timeout(interval, stop.cancelled()).await.is_err() {
        tokio::select! {
            done = round(&domain) => {
                if let Err(error) = done {
                    warn!("cannot look after the store: {error}");
                }
            }
            _ = stop.cancelled() => return,
        }
    }
}

async fn round(domain: &Domain) -> Result {
    let (store, now) = (domain.store().await?, domain.clock().now());
    while store.sweep(now, KEYS).await? == KEYS {
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
            info!(handler = %group.handler, purged, "dead letters older than server.dlq allows");
        }
        let worth_telling = usize::try_from(settings.alert_threshold).unwrap_or(usize::MAX);
        if letters.page(0, worth_telling).await?.len() >= worth_telling {
            let most = settings.alert_threshold;
            warn!(handler = %group.handler, "{most} dead letters or more: see `dlq list`");
        }
    }
    Ok(())
}

fn before(now: Timestamp, retention: Duration) -> Timestamp {
    let micros = i64::try_from(retention.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.as_micros().saturating_sub(micros))
}
