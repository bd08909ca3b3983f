//! Entries that hold no message, on their way to a dead-letter stream.

use std::sync::Arc;

use protean_core::domain::{Domain, raw_entry};
use protean_port::message::DeadLetterEntry;
use protean_port::port::{Batch, Broker, BrokerGroup, Entry, EntryRef, Publication, Published};
use tracing::{error, warn};

/// An entry that holds no message, and why.
pub(crate) struct Unreadable {
    pub(crate) entry: Entry,
    pub(crate) reason: String,
}

/// The reader that an entry was delivered to.
pub(crate) struct EntryReader<'a> {
    pub(crate) handler: &'a str,
    pub(crate) from: &'a BrokerGroup,
    pub(crate) consumer: &'a str,
}

/// Adds unreadable entries to the dead-letter stream of their stream, with their bytes and
/// why they cannot be read. Gives those that were added; the others stay where they are.
pub(crate) async fn add_to_dlq(
    domain: &Domain,
    broker: &dyn Broker,
    reader: EntryReader<'_>,
    unreadable: Vec<Unreadable>,
) -> Vec<EntryRef> {
    if unreadable.is_empty() {
        return Vec::new();
    }
    let EntryReader { handler, from: BrokerGroup { stream, group }, consumer } = reader;
    let dlq: Arc<str> = format!("{stream}:dlq").into();
    let publication = |Unreadable { entry, reason }: &Unreadable| {
        let id = entry.at.id.as_str();
        error!(
            handler, %stream, entry = id, reason,
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
            warn!(
                handler, stream = %dlq, error = format_args!("{error:#}"),
                "cannot publish dead letters, their entries stay pending"
            );
            return Vec::new();
        }
    };
    let mut added = Vec::new();
    for (Unreadable { entry, .. }, published) in unreadable.into_iter().zip(published) {
        match published {
            Published::Accepted(_) => added.push(entry.at),
            Published::Refused(reason) | Published::Unavailable(reason) => warn!(
                handler, stream = %dlq, entry = entry.at.id.as_str(), reason,
                "dead letter not published, its entry stays pending"
            ),
        }
    }
    added
}
