//! Entries that hold no message, on their way to a dead-letter stream.

use std::sync::Arc;

use protean_core::domain::{Domain, raw_entry};
use protean_port::message::DeadLetterEntry;
use protean_port::port::{Batch, Broker, BrokerGroup, Entry, EntryRef, Publication, Published};
use tracing::{error, warn};

/// Adds unreadable entries to the dead-letter stream of their stream, with their bytes and
/// why they cannot be read. Gives those that were added; the others stay where they are.
pub(crate) async fn add_to_dlq(
    domain: &Domain,
    broker: &dyn Broker,
    from: &BrokerGroup,
    consumer: &str,
    unreadable: Vec<(Entry, String)>,
) -> Vec<EntryRef> {
    if unreadable.is_empty() {
        return Vec::new();
    }
    let BrokerGroup { stream, group } = from;
    let dlq: Arc<str> = format!("{stream}:dlq").into();
    let publication = |(entry, reason): &(Entry, String)| {
        let id = entry.at.id.as_str();
        error!(
            %group, %stream, entry = id, reason,
            "message.dlq: the entry cannot be read and goes to the dead letters"
        );
        let dead_letter = DeadLetterEntry {
            original_stream: stream.to_string(),
            original_id: id.to_owned(),
            consumer_group: group.to_string(),
            consumer: consumer.to_owned(),
            failed_at: Some(domain.clock().now()),
            retry_count: 0,
            failure_reason: Some(reason.clone()),
            original: raw_entry(entry),
        };
        let data = Arc::from(dead_letter.to_json().unwrap_or_default().into_bytes());
        Publication { stream: Arc::clone(&dlq), data }
    };
    let entries = unreadable.iter().map(publication).collect();
    let published = match broker.publish(Batch { entries, mark: None }).await {
        Ok(receipt) => receipt.published,
        Err(error) => {
            warn!(%group, stream = %dlq, "cannot publish dead letters: {error:#}");
            return Vec::new();
        }
    };
    let mut added = Vec::new();
    for ((entry, _), published) in unreadable.into_iter().zip(published) {
        match published {
            Published::Accepted(_) => added.push(entry.at),
            Published::Refused(why) | Published::Unavailable(why) => {
                let id = entry.at.id.as_str();
                warn!(%group, stream = %dlq, entry = id, "dead letter not published, its entry stays pending: {why}");
            }
        }
    }
    added
}
