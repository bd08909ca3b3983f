//! Single places of the log.

use protean_port::Result;
use protean_port::message::Recorded;
use protean_port::port::{Find, Store};

/// The message at a log position; none when the log has none there.
pub(crate) async fn message_at(store: &dyn Store, position: u64) -> Result<Option<Recorded>> {
    let found = store.find(Find::from(position)).await?.pop();
    Ok(found.filter(|found| found.position == position))
}

/// The position of the last message; 0 when there is none.
pub(crate) async fn head(store: &dyn Store) -> Result<u64> {
    Ok(store.find(Find::last(1)).await?.first().map_or(0, |last| last.position))
}
