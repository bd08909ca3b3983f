//! Waits until every message of a lane is handled.

use std::time::Duration;

use protean::HandlerKind;
use protean::message::Lane;
use protean::port::LaneRead;
use protean::{Domain, Result};
use protean_cli::Result as Told;

use super::shop::Shop;

/// The pause between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Waits until no group has a message of this lane to handle.
///
/// # Errors
/// When the shop has ended, or the database cannot be read.
pub(super) async fn rest(domain: &Domain, lane: Lane, shop: &mut Shop) -> Told<()> {
    while !is_at_rest(domain, lane).await? {
        shop.check()?;
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

async fn is_at_rest(domain: &Domain, lane: Lane) -> Result<bool> {
    let store = domain.store().await?;
    let mut groups: Vec<_> = domain.groups().iter().collect();
    // Commands lead to events: when none of the first is left, no more of the second come.
    groups.sort_by_key(|group| group.kind != HandlerKind::Commands);
    for group in groups {
        let read = LaneRead {
            group: group.name.to_string(),
            category: group.category.clone(),
            range: domain.lanes().range(lane),
            after: Vec::new(),
            limit: 1,
        };
        if !store.lane(read).await?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}
