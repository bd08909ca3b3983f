//! Where an order is that somebody has asked for.

use std::sync::Arc;

use protean::domain::{Group, HandlerKind};
use protean::message::{Category, Recorded};
use protean::model::Aggregate;
use protean::port::{LaneRead, Store};
use protean::prelude::{Domain, Id, Result};

use super::Order;

/// Where an order is.
pub enum Whereabouts {
    /// It is placed.
    Placed(Box<Order>),
    /// Its command is kept, and nobody has handled it yet.
    Queued,
    /// Its command has failed: it is tried again, or lies among the dead letters.
    Failed,
    /// Its command ended without an order: it expired, or was purged.
    Dropped,
    /// Nobody has asked for such an order.
    Unknown,
}

/// Looks for an order among those that are placed, then for its command.
///
/// # Errors
/// When the store cannot be read.
pub async fn track(domain: &Domain, id: &Id) -> Result<Whereabouts> {
    let orders = domain.repository::<Order>().await?;
    if let Some(order) = orders.find(id).await? {
        return Ok(Whereabouts::Placed(Box::new(order)));
    }
    let store = domain.store().await?;
    let category = Category::of(domain.name(), Order::NAME).commands();
    let groups = domain.registry().groups().iter();
    let mut groups = groups.filter(|group| group.kind == HandlerKind::Commands);
    let Some(group) = groups.find(|group| group.category == category) else {
        return Ok(Whereabouts::Unknown);
    };
    let stream = category.stream(id);
    let Some(command) = store.stream(&stream, 0, 1).await?.pop() else {
        return Ok(Whereabouts::Unknown);
    };
    if store.blocked(&group.name, &stream, command.stream_position + 1).await? {
        return Ok(Whereabouts::Failed);
    }
    if is_on_the_way(store, group, &command).await? {
        return Ok(Whereabouts::Queued);
    }
    // It may have been placed since the first look.
    let placed = orders.find(id).await?.map(Box::new);
    Ok(placed.map_or(Whereabouts::Dropped, Whereabouts::Placed))
}

/// True when the group has not settled the command yet.
async fn is_on_the_way(store: &Arc<dyn Store>, group: &Group, command: &Recorded) -> Result<bool> {
    let (priority, position) = (command.message.priority, command.position);
    let first_after = async |after| {
        let read = LaneRead {
            group: group.name.to_string(),
            category: group.category.clone(),
            range: (priority, priority),
            after,
            limit: 1,
        };
        let found = store.lane(read).await?;
        Ok::<_, protean::Error>(found.first().map(|delivery| delivery.recorded.position))
    };
    // Below the first one that waits everything is settled; above it each has a mark of its own.
    let waits = first_after(Vec::new()).await?;
    if waits.is_none_or(|waits| waits >= position) {
        return Ok(waits == Some(position));
    }
    let next = first_after(vec![(priority, position.saturating_sub(1))]).await?;
    Ok(next == Some(position))
}
