//! Whose turn it is in a stream.

use protean_port::Result;
use protean_port::message::{Lane, Recorded};
use protean_port::port::{Changes, Delivery, Store};

use super::group::Group;
use super::unit::Finished;

/// Whether a message of a stream may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is the one the group expects.
    Now,
    /// The group is past it.
    Late,
    /// Messages before it have not run yet.
    Early,
}

/// Whose turn it is when a group that expects `next` is handed `position`.
pub fn turn(next: u64, position: u64) -> Turn {
    match position.cmp(&next) {
        std::cmp::Ordering::Equal => Turn::Now,
        std::cmp::Ordering::Less => Turn::Late,
        std::cmp::Ordering::Greater => Turn::Early,
    }
}

/// What to do about a message that is not obviously next.
#[derive(Debug)]
pub enum Course {
    /// Run it.
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
/// Only what is committed makes a message a duplicate: a hope may come to
/// nothing, and then the message still has to run.
///
/// # Errors
/// When the store cannot be read.
pub async fn course(
    store: &dyn Store,
    group: &Group,
    delivery: &Delivery,
    hoped: u64,
) -> Result<Course> {
    if delivery.is_replay() {
        return Ok(Course::Now);
    }
    let Recorded { stream_position: position, message, .. } = &delivery.recorded;
    let next = store.next(&group.name, &message.stream).await?;
    if turn(next, *position) == Turn::Late {
        return Ok(Course::Duplicate);
    }
    let next = next.max(hoped);
    match turn(next, *position) {
        Turn::Now | Turn::Late => Ok(Course::Now),
        Turn::Early if store.blocked(&group.name, &message.stream, *position).await? => {
            Ok(Course::Hold)
        }
        Turn::Early => {
            let first = store.stream(&message.stream, next, 1).await?.pop();
            let first = first
                .map(|recorded| Box::new(Delivery { recorded, next, attempts: 0, parked: false }));
            Ok(first.map_or(Course::Hold, Course::First))
        }
    }
}

impl Finished {
    /// A unit that has changed nothing yet.
    pub(crate) fn empty(lane: Lane) -> Self {
        let (writes, readers) = Default::default();
        Self { changes: Changes::new(lane), writes, readers }
    }
}
