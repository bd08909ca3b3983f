//! What the streams of a category and the consumers of a group are called at a broker.

use std::sync::Arc;

use protean_core::config::PriorityLanes;
use protean_core::domain::Domain;
use protean_port::message::{Category, Id, Lane};

/// The category, with `:<suffix>` for backfill.
pub(crate) fn stream(lane: Lane, category: &Category, settings: &PriorityLanes) -> String {
    match lane {
        Lane::Primary => category.to_string(),
        Lane::Backfill => format!("{category}:{}", settings.backfill_suffix),
    }
}

/// The kind of a configured broker, such as `redis`.
pub(crate) fn broker_kind(domain: &Domain, name: &str) -> Option<String> {
    domain.config().brokers.get(name).map(|broker| broker.provider.to_string())
}

/// `BookCatalogProjector-<host>-<pid>-<hex>`: no two that live at once share it.
pub(crate) fn consumer(group: &str) -> Arc<str> {
    let handler = group.rsplit_once('.').map_or(group, |(_, handler)| handler);
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::env::var("HOSTNAME"))
        .unwrap_or_else(|_| "localhost".to_owned());
    let id = Id::new();
    let hex = id.as_str().rsplit_once('-').map_or(id.as_str(), |(_, hex)| hex);
    format!("{handler}-{}-{}-{hex}", host.trim(), std::process::id()).into()
}
