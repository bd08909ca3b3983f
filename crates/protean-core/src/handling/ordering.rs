//! In which order messages of a stream run.

use protean_port::Result;
use protean_port::message::Recorded;
use protean_port::port::{Delivery, LaneRead, Store};

use super::group::Group;

/// Whether a message of a stream may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// It is the one the group expects.
    Next,
    /// The group is past it.
    Past,
    /// Messages before it have not run yet.
    Ahead,
}

impl Position {
    /// Where `position` lies for a group that expects `next`.
    pub fn of(next: u64, position: u64) -> Self {
        match position.cmp(&next) {
            std::cmp::Ordering::Equal => Self::Next,
            std::cmp::Ordering::Less => Self::Past,
            std::cmp::Ordering::Greater => Self::Ahead,
        }
    }
}

/// What to do about a message that is not obviously next.
#[derive(Debug)]
pub enum NextStep {
    /// Run the message: it is the next one of its stream.
    Now,
    /// Run this one of its stream, then ask again.
    First(Box<Delivery>),
    /// It was handled before.
    Duplicate,
    /// It waits behind a message of its stream that is parked or dead.
    Hold,
}

/// Asks the store what to do about a message of an ordered group, which will
/// expect `hoped` in that stream once the units before it have committed.
///
/// Only what is committed makes a message a duplicate: a unit before it may be
/// left out, and then the message still has to run.
///
/// # Errors
/// When the store cannot be read.
pub async fn next_step(
    store: &dyn Store,
    group: &Group,
    delivery: &Delivery,
    hoped: u64,
) -> Result<NextStep> {
    if delivery.is_replay() {
        return Ok(NextStep::Now);
    }
    let Recorded { stream_position: position, message, .. } = &delivery.recorded;
    let next = store.next(&group.name, &message.stream).await?;
    if Position::of(next, *position) == Position::Past {
        return Ok(NextStep::Duplicate);
    }
    let next = next.max(hoped);
    match Position::of(next, *position) {
        Position::Next | Position::Past => Ok(NextStep::Now),
        Position::Ahead if store.blocked(&group.name, &message.stream, *position).await? => {
            Ok(NextStep::Hold)
        }
        Position::Ahead => {
            let first = store.stream(&message.stream, next, 1).await?.pop();
            let first = first
                .map(|recorded| Box::new(Delivery { recorded, next, attempts: 0, parked: false }));
            Ok(first.map_or(NextStep::Hold, NextStep::First))
        }
    }
}

/// True when a group has not settled a message, by itself or by its cursor.
pub(crate) async fn is_unsettled(
    store: &dyn Store,
    group: &Group,
    recorded: &Recorded,
) -> Result<bool> {
    let Recorded { position, message, .. } = recorded;
    let read = LaneRead {
        group: group.name.to_string(),
        category: group.category.clone(),
        range: (message.priority, message.priority),
        after: vec![(message.priority, position.saturating_sub(1))],
        limit: 1,
    };
    let first = store.lane(read).await?.pop();
    Ok(first.is_some_and(|first| first.recorded.position == *position))
}
