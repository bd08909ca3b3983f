//! The inbox: from the streams of other systems into the log, where subscribers read.
//!
//! ```text
//! read ─▶ message ─▶ Store::commit ─(durable)─▶ settled ─▶ removed
//!            └ not a message: added to the dead-letter stream ──▲
//! ```
//!
//! One process reads for a subscriber. An entry that comes twice, after a crash or an
//! outage, is recognised in the log, which has one place for it. The messages of a channel
//! have no ids to recognise, so one process reads a channel for all its subscribers.

mod foreign_stream;
mod inbox_reader;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use protean_core::config;
use protean_core::domain::{Domain, Group, HandlerKind, broker};
use protean_port::port::{Broker, Store};
use protean_port::{Error, Result};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::foreign_stream::ForeignStream;
use self::inbox_reader::InboxReader;
use crate::leadership::{LeaderTerm, Leadership};
use crate::pause::pause;
use crate::relay::ownership::check_owner;

/// The wait before a broker that is unavailable is opened again.
const BROKER_RETRY_DELAY: Duration = Duration::from_millis(500);

/// Starts to read the stream of every subscriber, until `stop` is cancelled. A subscriber
/// whose broker is inline has nothing to read.
pub(crate) fn start(
    domain: &Domain,
    store: &Arc<dyn Store>,
    stop: &CancellationToken,
) -> JoinSet<Result> {
    let (mut inboxes, mut channels) = (JoinSet::new(), HashSet::new());
    for group in domain.groups() {
        let HandlerKind::Subscriber { broker } = group.kind else { continue };
        let configured = domain.config().brokers.get(broker);
        if !configured.is_some_and(config::BrokerConfig::reaches_others) {
            let (handler, stream) = (&group.handler, &group.category);
            info!(%handler, %stream, broker, "subscriber is idle, its broker is inline");
            continue;
        }
        let has_streams = configured.is_some_and(config::BrokerConfig::has_streams);
        // A channel is read once for all its subscribers.
        if !has_streams && !channels.insert((broker, &group.category)) {
            continue;
        }
        let (domain, store) = (domain.clone(), Arc::clone(store));
        let group = Arc::clone(group);
        let stream = ForeignStream { domain, store, group, broker, has_streams };
        inboxes.spawn(run(stream, stop.clone()));
    }
    inboxes
}

/// The names of the brokers that subscribers read.
pub(crate) fn brokers(domain: &Domain) -> impl Iterator<Item = &str> {
    let configured = |name: &str| domain.config().brokers.get(name);
    let of_subscriber = |group: &Arc<Group>| match group.kind {
        HandlerKind::Subscriber { broker } => Some(broker),
        _ => None,
    };
    let groups = domain.groups().iter();
    groups
        .filter_map(of_subscriber)
        .filter(move |name| configured(name).is_some_and(config::BrokerConfig::reaches_others))
}

/// Why an inbox ended, unless it was stopped.
pub(crate) fn failure(ended: Result<Result, JoinError>) -> Option<Error> {
    match ended {
        Ok(ended) => ended.err(),
        Err(panic) => Some(Error::failed("an inbox of the server panicked").with_source(panic)),
    }
}

/// Reads a stream until `stop` is cancelled.
///
/// # Errors
/// When the broker refuses for a reason that only a change of its settings mends.
async fn run(stream: ForeignStream, stop: CancellationToken) -> Result {
    let Some(broker) = open(&stream, &stop).await? else { return Ok(()) };
    let leadership = Leadership::new(Arc::clone(&stream.store), stream.claim_name());
    let work = |claim, term: LeaderTerm| {
        InboxReader::new(&stream, Arc::clone(&broker), claim, term.over().clone()).work()
    };
    leadership.run(&stop, work).await;
    Ok(())
}

/// The broker, once it can be reached; `None` when `stop` is cancelled first.
async fn open(stream: &ForeignStream, stop: &CancellationToken) -> Result<Option<Arc<dyn Broker>>> {
    loop {
        let opening = async {
            let opened = broker(&stream.domain, stream.broker).await?;
            let domain = stream.domain.name();
            // Another installation with the same groups would take every other entry.
            check_owner(&*stream.store, &**opened, domain, stream.broker).await?;
            Result::<_, Error>::Ok(Arc::clone(opened))
        };
        let opened = tokio::select! {
            opened = opening => opened,
            () = stop.cancelled() => return Ok(None),
        };
        match opened {
            Ok(opened) => return Ok(Some(opened)),
            Err(failed) if failed.is_unavailable() => {
                warn!(
                    broker = stream.broker,
                    error = format_args!("{failed:#}"),
                    "broker unavailable, trying again"
                );
            }
            Err(failed) => return Err(failed),
        }
        if !pause(stop, BROKER_RETRY_DELAY).await {
            return Ok(None);
        }
    }
}
