//! Whose turn it is in a stream.

use super::group::Group;
use super::unit::Finished;
use crate::Result;
use crate::message::{Lane, Recorded};
use crate::port::{Changes, Delivery, Store};

/// Whether a message of a stream may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is the one the group expects.
    Now,
    /// The group is past it.
    Late,
    /// Messages before it, from this stream position on, have not run yet.
    Early {
        /// The first of them.
        from: u64,
    },
}

/// Whose turn it is when a group that expects `next` is handed `position`.
pub fn turn(next: u64, position: u64) -> Turn {
    match position.cmp(&next) {
        std::cmp::Ordering::Equal => Turn::Now,
        std::cmp::Ordering::Less => Turn::Late,
        std::cmp::Ordering::Greater => Turn::Early { from: next },
    }
}

/// What to do about a message that is not obviously next.
#[derive(Debug)]
pub enum Course {
    /// Run these in order; the last one is the message itself.
    Run(Vec<Delivery>),
    /// It was handled before.
    Duplicate,
    /// It waits behind a message of its stream that is parked or dead.
    Hold,
}

/// Asks the store what to do about a message of an ordered group: an early one
/// brings those before it along from the log, unless one of them is in the way.
///
/// # Errors
/// When the store cannot be read.
pub async fn course(store: &dyn Store, group: &Group, delivery: &Delivery) -> Result<Course> {
    let Recorded { stream_position: position, message, .. } = &delivery.recorded;
    let next = store.next(&group.name, &message.stream).await?;
    match turn(next, *position) {
        Turn::Now => Ok(Course::Run(vec![delivery.clone()])),
        Turn::Late => Ok(Course::Duplicate),
        Turn::Early { from } => {
            if store.blocked(&group.name, &message.stream, *position).await? {
                return Ok(Course::Hold);
            }
            let missing = usize::try_from(position - from).unwrap_or(usize::MAX);
            let before = store.stream(&message.stream, from, missing).await?;
            let before = before.into_iter().map(|recorded| Delivery {
                next: recorded.stream_position,
                recorded,
                attempts: 0,
                parked: false,
            });
            Ok(Course::Run(before.chain([delivery.clone()]).collect()))
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
