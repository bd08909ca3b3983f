//! Entries that are no messages, on their way to a dead-letter stream.

use std::sync::Arc;

use protean_core::domain::{Domain, raw_entry};
use protean_port::message::DeadLetterEntry;
use protean_port::port::{Batch, Broker, BrokerGroup, Entry, EntryRef, Publication, Published};
use tracing::{error, warn};

/// Puts entries into the dead-letter stream of their stream, with their bytes and the
/// reasons. Gives those that are there; the others stay where they are.
pub(crate) async fn bury(
    (domain, broker): (&Domain, &dyn Broker),
    (group, consumer): (&BrokerGroup, &str),
    refused: Vec<(Entry, String)>,
) -> Vec<EntryRef> {
    if refused.is_empty() {
        return Vec::new();
    }
    let stream: Arc<str> = format!("{}:dlq", group.stream).into();
    let publication = |(entry, reason): &(Entry, String)| {
        error!(group = %group.group, entry = entry.at.id.as_str(), "message.dlq: {reason}");
        let letter = DeadLetterEntry {
            original_stream: group.stream.to_string(),
            original_id: entry.at.id.as_str().to_owned(),
            consumer_group: group.group.to_string(),
            consumer: consumer.to_owned(),
            failed_at: Some(domain.clock().now()),
            retry_count: 0,
            failure_reason: Some(reason.clone()),
            original: raw_entry(entry),
        };
        let data = Arc::from(letter.to_json().unwrap_or_default().into_bytes());
        Publication { stream: Arc::clone(&stream), data }
    };
    let entries = refused.iter().map(publication).collect();
    let published = match broker.publish(Batch { entries, mark: None }).await {
        Ok(receipt) => receipt.published,
        Err(failed) => {
            warn!(%stream, "cannot publish what is given up: {failed}");
            return Vec::new();
        }
    };
    let mut buried = Vec::new();
    for ((entry, _), published) in refused.into_iter().zip(published) {
        match published {
            Published::Accepted(_) => buried.push(entry.at),
            Published::Refused(why) | Published::Unavailable(why) => {
                let id = entry.at.id.as_str();
                warn!(%stream, entry = id, "it stays where it is, nobody takes its letter: {why}");
            }
        }
    }
    buried
}
