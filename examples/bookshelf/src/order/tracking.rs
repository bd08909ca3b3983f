//! Where an order is: placed, queued, failed or dropped.

use protean::HandlerKind;
use protean::Timestamp;
use protean::message::Category;
use protean::model::Aggregate;
use protean::port::DeadLetterRead;
use protean::prelude::{Domain, Id, Result};

use super::Order;

/// Where an order is.
pub enum Whereabouts {
    /// It is placed.
    Placed(Box<Order>),
    /// Its command is stored and not handled yet.
    Queued,
    /// Its command has failed: it is tried again, or lies among the dead letters.
    Failed,
    /// Its command ended without an order: it expired, or was purged.
    Dropped,
    /// No command or order has this id.
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
    let Some(group) = domain
        .groups()
        .iter()
        .find(|group| group.kind == HandlerKind::Commands && group.category == category)
    else {
        return Ok(Whereabouts::Unknown);
    };
    let stream = category.stream(id);
    let Some(command) = store.stream(&stream, 0, 1).await?.pop() else {
        return Ok(Whereabouts::Unknown);
    };
    let position = command.position;
    if let Some(waits) = store.recall(&group.name, &category, &[position]).await?.pop() {
        return Ok(if waits.attempts == 0 { Whereabouts::Queued } else { Whereabouts::Failed });
    }
    let read = DeadLetterRead {
        group: group.name.to_string(),
        category,
        after: position.saturating_sub(1),
        before: Timestamp::from_micros(i64::MAX),
        limit: 1,
    };
    if store.dead_letters(read).await?.iter().any(|letter| letter.recorded.position == position) {
        return Ok(Whereabouts::Failed);
    }
    // It may have been placed since the first look.
    let placed = orders.find(id).await?.map(Box::new);
    Ok(placed.map_or(Whereabouts::Dropped, Whereabouts::Placed))
}
