//! From what the broker answered to what the ledger keeps. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use protean_core::config::OutboxRetry;
use protean_core::handling::Backoff;
use protean_port::message::{Category, Lane, Priority, Timestamp};
use protean_port::port::{
    At, Changes, Dead, Delivery, DoneMark, LogPlace, MessageRef, Park, Published,
};

/// The settings that a relay settles by.
pub(super) struct Policy<'a> {
    pub(super) relay: &'a Arc<str>,
    pub(super) retry: &'a OutboxRetry,
    pub(super) now: Timestamp,
}

/// Settles messages of one category, read from the log in order by priority, or from
/// the parked ones, by what became of each at the broker.
///
/// A message that the broker cannot take now stays as it is, and so does everything of
/// its priority behind it in the log: the cursor moves up to there and no further.
pub(super) fn settle(
    policy: &Policy<'_>,
    lane: Lane,
    deliveries: &[Delivery],
    published: &[Published],
) -> Changes {
    // What a crash undoes is published again, with the same ids.
    let mut changes = Changes { redone_if_lost: true, ..Changes::new(lane) };
    let (mut reached, mut stuck) = (BTreeMap::new(), BTreeSet::new());
    for (delivery, published) in deliveries.iter().zip(published) {
        let message = MessageRef::from(&delivery.recorded);
        let (priority, position) = (message.priority, message.position);
        match published {
            Published::Accepted(_) if delivery.parked => {
                changes.parks.push(Park::Take { group: Arc::clone(policy.relay), message });
            }
            Published::Accepted(_) => {}
            Published::Refused(_) if stuck.contains(&priority) && !delivery.parked => continue,
            Published::Refused(reason) => policy.refused(delivery, reason, &mut changes),
            Published::Unavailable(_) => {
                stuck.insert(priority);
            }
        }
        if !delivery.parked && !stuck.contains(&priority) {
            reached.insert(priority, position);
        }
    }
    if let Some(first) = deliveries.first() {
        policy.mark(first.recorded.message.stream.category(), reached, &mut changes);
    }
    changes
}

/// The same for messages of which the broker gets no more than their places, so that it has
/// nothing to refuse.
pub(super) fn settle_places(
    policy: &Policy<'_>,
    category: &Category,
    places: &[LogPlace],
    published: &[Published],
) -> Changes {
    let mut changes = Changes { redone_if_lost: true, ..Changes::new(Lane::Backfill) };
    let (mut reached, mut stuck) = (BTreeMap::new(), BTreeSet::new());
    for (LogPlace { priority, position, .. }, published) in places.iter().zip(published) {
        if !matches!(published, Published::Accepted(_)) {
            stuck.insert(*priority);
        } else if !stuck.contains(priority) {
            reached.insert(*priority, *position);
        }
    }
    policy.mark(category, reached, &mut changes);
    changes
}

impl Policy<'_> {
    /// Moves the cursors of a category to what was reached of each priority.
    fn mark(&self, category: &Category, reached: BTreeMap<Priority, u64>, changes: &mut Changes) {
        changes.marks.extend(reached.into_iter().map(|(priority, position)| DoneMark {
            group: Arc::clone(self.relay),
            category: category.clone(),
            priority,
            at: At::UpTo(position),
        }));
    }

    /// The fault is the message's own: it is parked for another try, and dead at last.
    fn refused(&self, delivery: &Delivery, reason: &str, changes: &mut Changes) {
        let (group, message) = (Arc::clone(self.relay), MessageRef::from(&delivery.recorded));
        let (attempts, reason) = (delivery.attempts + 1, reason.to_owned());
        if attempts >= self.retry.max_attempts {
            let time = self.now;
            changes.dead.push(Dead::Add { group, message, attempts, reason, time, in_turn: false });
        } else {
            let due = Some(self.now + self.wait(attempts, message.position));
            changes.parks.push(Park::Keep { group, message, attempts, due, reason });
        }
    }

    /// The wait before the next attempt.
    fn wait(&self, attempts: u32, position: u64) -> Duration {
        let retry = self.retry;
        let backoff = Backoff {
            base: retry.base_delay,
            factor: retry.backoff_multiplier,
            longest: retry.max_backoff,
            jitter: if retry.jitter { retry.jitter_factor } else { 0.0 },
        };
        // Spread by the log position, so that asking again gives the same wait.
        backoff.wait(attempts, (position % 64) as f64 / 64.0)
    }
}

/// True when messages are parked, given up, or taken out again.
pub(super) fn moves(unit: &Changes) -> bool {
    !(unit.parks.is_empty() && unit.dead.is_empty())
}

#[cfg(test)]
#[path = "settling_tests.rs"]
mod tests;
