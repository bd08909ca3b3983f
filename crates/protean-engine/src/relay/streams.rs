//! What lies in the streams of the domain's own broker.

use std::sync::Arc;

use futures_util::future::try_join;
use protean_core::domain::{Domain, broker};
use protean_port::Result;
use protean_port::port::{BrokerConsumer, BrokerGroup, BrokerGroupStatus};

use super::plan::RelayPlan;

/// One group on one stream of the broker.
#[derive(Clone, Debug)]
pub struct BrokerStream {
    /// The stream.
    pub stream: Arc<str>,
    /// The id of the group.
    pub group: Arc<str>,
    /// Its status; `None` when the stream or the group does not exist yet.
    pub status: Option<BrokerGroupStatus>,
    /// The processes that read for the group, dead ones too as long as they have entries.
    pub consumers: Vec<BrokerConsumer>,
}

/// The streams from which the handlers of a domain read, each with its groups; none when they read
/// the log. Cancel safe: it only reads.
///
/// # Errors
/// When the broker cannot be reached.
pub async fn broker_streams(domain: &Domain) -> Result<Vec<BrokerStream>> {
    let config = domain.config();
    if !config.enable_outbox {
        return Ok(Vec::new());
    }
    let plan = RelayPlan::of(domain, &config.outbox.broker);
    let lanes = domain.lanes().lanes().iter();
    let groups: Vec<BrokerGroup> = lanes.flat_map(|lane| plan.groups(*lane)).collect();
    let broker = broker(domain, &plan.broker).await?;
    let (found, consumers) =
        try_join(broker.group_status(&groups), broker.consumers(&groups)).await?;
    let streams = groups.into_iter().zip(found.into_iter().zip(consumers));
    Ok(streams
        .map(|(BrokerGroup { stream, group }, (status, consumers))| BrokerStream {
            stream,
            group,
            status,
            consumers,
        })
        .collect())
}
