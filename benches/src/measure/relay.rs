//! The relay alone, from the log to the broker's streams.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protean::{Domain, Priority};
use protean::{HandlerKind, broker};
use protean_cli::{Error, Result};
use protean_engine::{Relay, RelayPlan};
use tokio_util::sync::CancellationToken;

use crate::backlog;
use crate::bare::{Streamed, Streams};
use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::sheet::{Bound, Sheet, Target};
use crate::stack::Stack;

/// The broker that the domain publishes to.
const BROKER_NAME: &str = "default";
const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// How long the relay may take for all messages.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(120);

pub(super) async fn run(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let mut sheet = Sheet::new("relay", "committed messages until they lie in the broker's stream");
    let count = plan.size(50_000, 1_000);
    let few = plan.size(1_000, 10);
    let target = Target::ratio(Bound::AtLeast(0.7)).and_peer(Bound::AtLeast(100.0));
    let rate = sheet.row(format!("{count} commands (Python: {few})"), "1/s", target);
    sheet.note("Nothing consumes. The limit reads the same messages 512 at a time, sends the");
    sheet.note("entries that ours published (XADD, pipelined) and commits a cursor.");
    for _ in 0..plan.rounds() {
        let place = Place::new(stack, Settings::default())?;
        let domain = place.domain()?;
        let category = category(&domain, HandlerKind::Commands)?;
        // The relay creates its groups before there is anything to publish.
        relay_until(&place, &domain, &category, 0).await?;
        backlog::fill(&domain, count, Priority::NORMAL).await?;
        let took = relay_until(&place, &domain, &category, count).await?;
        sheet.ours(rate, count as f64 / took.as_secs_f64());
        let took = Streamed::read(&place, &category).await?.send(&place).await?;
        sheet.limit(rate, count as f64 / took.as_secs_f64());
        if let Some(peer) = stack.peer() {
            sheet.peer(rate, peer.relay(few).await?);
        }
    }
    Ok(sheet)
}

/// The category that the handlers of a kind read.
///
/// # Errors
/// When the domain has no such handlers.
pub(super) fn category(domain: &Domain, kind: HandlerKind) -> Result<String> {
    domain
        .groups()
        .iter()
        .find(|group| group.kind == kind)
        .map(|group| group.category.to_string())
        .ok_or_else(|| Error::failed(format!("the domain has no handlers of kind {kind:?}")))
}

/// Runs the relay until a stream has `count` entries and their page is settled.
///
/// # Errors
/// When the relay does not publish them within two minutes.
pub(super) async fn relay_until(
    place: &Place,
    domain: &Domain,
    stream: &str,
    count: u64,
) -> Result<Duration> {
    let store = Arc::clone(domain.store().await?);
    let to = Arc::clone(broker(domain, BROKER_NAME).await?);
    let relay = Relay::new(domain.clone(), store, to, RelayPlan::of(domain, BROKER_NAME));
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let mut streams = Streams::of(place).await?;
    let begun = Instant::now();
    let working = tokio::spawn(async move { relay.run(stopped).await });
    while streams.length(stream).await?.is_none_or(|length| length < count) {
        if begun.elapsed() > PUBLISH_TIMEOUT {
            return Err(Error::failed(format!(
                "the relay did not publish {count} messages within {PUBLISH_TIMEOUT:?}"
            )));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    // The relay settles its current page before it stops.
    stop.cancel();
    working.await?;
    Ok(begun.elapsed())
}
