//! What a commit announces, and who waits for it.
//!
//! ```text
//! commit ─▶ CommitNotice ─▶ CommitSignal ─▶ the watches that it concerns
//! ```

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use super::{Changes, Outcome};
use crate::message::{Category, Priority};
use crate::{Error, Result};

/// A kind of change that a part of the program waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    /// New messages of a category.
    Arrivals {
        /// The category.
        category: Category,
        /// The lowest and the highest priority, inclusive.
        priorities: (Priority, Priority),
    },
    /// New messages of any category. Only a commit that says what it brought counts, not one of
    /// which that is unknown.
    AnyArrivals {
        /// The lowest and the highest priority, inclusive.
        priorities: (Priority, Priority),
    },
    /// Messages that were parked, released or given up, or taken out again.
    Moves,
    /// Groups that got another id. A commit that says what it brought has changed none.
    Names,
}

impl Watched {
    /// True when a commit of which nothing is known concerns it.
    fn is_safe_to_assume(&self) -> bool {
        !matches!(self, Self::AnyArrivals { .. })
    }

    /// True when it waits for messages of any category with one of these priorities.
    fn is_any_of(&self, arrived: (Priority, Priority)) -> bool {
        matches!(self, Self::AnyArrivals { priorities } if meet(arrived, *priorities))
    }
}

/// True when two ranges of priorities have one in common.
fn meet(a: (Priority, Priority), b: (Priority, Priority)) -> bool {
    a.0 <= b.1 && b.0 <= a.1
}

/// What a transaction has changed, as far as others wait for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitNotice {
    /// The lowest and the highest priority of the new messages, by category.
    pub arrivals: BTreeMap<Category, (Priority, Priority)>,
    /// Whether messages were parked, released or given up, or taken out again.
    pub moves: bool,
}

impl CommitNotice {
    /// What these units have changed: each itself, or what may have been applied in its place.
    pub fn of<'a>(settled: impl IntoIterator<Item = (&'a Changes, &'a Outcome)>) -> Self {
        let mut notice = Self::default();
        settled.into_iter().for_each(|(unit, outcome)| notice.add(unit, outcome));
        notice
    }

    fn add(&mut self, unit: &Changes, outcome: &Outcome) {
        let mut next = match outcome {
            Outcome::Unavailable(_) => None,
            Outcome::Committed(_) => return self.add_applied(unit),
            _ => unit.otherwise.as_deref(),
        };
        while let Some(unit) = next {
            self.add_applied(unit);
            next = unit.otherwise.as_deref();
        }
    }

    fn add_applied(&mut self, unit: &Changes) {
        self.moves |= !(unit.parks.is_empty() && unit.dead.is_empty());
        for append in &unit.appends {
            let message = &append.message;
            self.add_arrivals(message.stream.category(), (message.priority, message.priority));
        }
    }

    /// Adds new messages of a category with these lowest and highest priorities.
    pub fn add_arrivals(&mut self, category: &Category, priorities: (Priority, Priority)) {
        let (lowest, highest) = priorities;
        match self.arrivals.get_mut(category) {
            Some(known) => *known = (known.0.min(lowest), known.1.max(highest)),
            None => drop(self.arrivals.insert(category.clone(), priorities)),
        }
    }

    /// True when nobody waits for such a commit.
    pub fn is_empty(&self) -> bool {
        self.arrivals.is_empty() && !self.moves
    }

    fn concerns(&self, watched: &Watched) -> bool {
        match watched {
            Watched::Moves => self.moves,
            Watched::Names => false,
            Watched::Arrivals { category, priorities } => {
                self.arrivals.get(category).is_some_and(|arrived| meet(*arrived, *priorities))
            }
            Watched::AnyArrivals { .. } => {
                self.arrivals.values().any(|arrived| watched.is_any_of(*arrived))
            }
        }
    }
}

/// Announces the commits of a store, each to the watches that it concerns.
#[derive(Debug, Default)]
pub struct CommitSignal {
    commits: watch::Sender<u64>,
    watches: Mutex<Vec<Watch>>,
}

#[derive(Debug)]
struct Watch {
    watched: Vec<Watched>,
    changes: watch::Sender<SeenChanges>,
}

/// What has changed of that which is watched.
#[derive(Debug)]
struct SeenChanges {
    /// How often each of them has changed.
    counts: Vec<u64>,
    /// When one of them changed last.
    last: Option<Instant>,
}

impl CommitSignal {
    /// Announces a commit. Without a notice every watch may be concerned, but for those of
    /// [`Watched::AnyArrivals`].
    pub fn announce(&self, notice: Option<&CommitNotice>) {
        self.commits.send_modify(|commits| *commits += 1);
        self.tell(|watched| match notice {
            Some(notice) => notice.concerns(watched),
            None => watched.is_safe_to_assume(),
        });
    }

    /// Announces that a commit, which is announced without a notice, has brought messages of
    /// these priorities, of whatever category.
    pub fn announce_arrivals(&self, priorities: (Priority, Priority)) {
        self.tell(|watched| watched.is_any_of(priorities));
    }

    fn tell(&self, concerns: impl Fn(&Watched) -> bool) {
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|watch| !watch.changes.is_closed());
        for Watch { watched, changes } in &*watches {
            changes.send_if_modified(|changes| {
                let mut modified = false;
                for (watched, count) in watched.iter().zip(&mut changes.counts) {
                    if concerns(watched) {
                        *count += 1;
                        modified = true;
                    }
                }
                if modified {
                    changes.last = Some(Instant::now());
                }
                modified
            });
        }
    }

    /// A number that grows with every announcement.
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    /// Watches for these changes from now on.
    pub fn watch(&self, watched: Vec<Watched>) -> CommitWatch {
        let seen = vec![None; watched.len()];
        let counts = vec![0; watched.len()];
        let (changes, changed) = watch::channel(SeenChanges { counts, last: None });
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.push(Watch { watched, changes });
        CommitWatch { changed, seen }
    }
}

/// Waits for the changes that one part of the program watches.
#[derive(Debug)]
pub struct CommitWatch {
    changed: watch::Receiver<SeenChanges>,
    /// What each of them was at the last look; none before the first.
    seen: Vec<Option<u64>>,
}

impl CommitWatch {
    /// The places, in the list of what is watched, of everything that may have changed since
    /// the last call: all of them at the first. A caller that reads the store afterwards misses
    /// nothing.
    pub fn take_changed(&mut self) -> Vec<usize> {
        let now = self.changed.borrow_and_update();
        let mut changed = Vec::new();
        for (place, (seen, now)) in self.seen.iter_mut().zip(&now.counts).enumerate() {
            if seen.replace(*now) != Some(*now) {
                changed.push(place);
            }
        }
        changed
    }

    /// When something that is watched was last announced; none before the first time.
    pub fn last_change(&self) -> Option<Instant> {
        self.changed.borrow().last
    }

    /// Waits for a change since the last call of [`take_changed`](Self::take_changed). Cancel
    /// safe.
    ///
    /// # Errors
    /// When the store has been closed.
    pub async fn changed(&mut self) -> Result<()> {
        let closed = |_| Error::unavailable("the store has been closed");
        self.changed
            .wait_for(|now| is_news(&self.seen, &now.counts))
            .await
            .map(drop)
            .map_err(closed)
    }
}

fn is_news(seen: &[Option<u64>], now: &[u64]) -> bool {
    seen.iter().zip(now).any(|(seen, now)| *seen != Some(*now))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::{CommitNotice, CommitSignal, Watched};
    use crate::message::{Category, Priority};

    fn arrivals(category: &str, priorities: (Priority, Priority)) -> Watched {
        Watched::Arrivals { category: Category::named(category), priorities }
    }

    fn arrived(category: &str, priority: Priority) -> CommitNotice {
        let mut notice = CommitNotice::default();
        notice.add_arrivals(&Category::named(category), (priority, priority));
        notice
    }

    #[test]
    fn a_watch_wakes_for_what_concerns_it_and_for_what_may() {
        let signal = CommitSignal::default();
        let production = (Priority::NORMAL, Priority::ALL.1);
        let bulk = (Priority::ALL.0, Priority::BULK);
        let watched = vec![arrivals("a", production), arrivals("a", bulk), Watched::Moves];
        let mut watch = signal.watch(watched);
        assert_eq!(watch.take_changed(), [0, 1, 2], "everything may have changed before");
        for (notice, expected) in [
            (Some(arrived("a", Priority::NORMAL)), &[0][..]),
            (Some(arrived("a", Priority::BULK)), &[1]),
            (Some(arrived("b", Priority::NORMAL)), &[]),
            (Some(CommitNotice { moves: true, ..Default::default() }), &[2]),
            (Some(CommitNotice::default()), &[]),
            (None, &[0, 1, 2]),
        ] {
            signal.announce(notice.as_ref());
            assert_eq!(
                watch.changed().now_or_never().is_some(),
                !expected.is_empty(),
                "{notice:?}"
            );
            assert_eq!(watch.take_changed(), expected, "{notice:?}");
        }
        assert_eq!(*signal.commits().borrow(), 6, "every commit counts");
    }

    #[test]
    fn one_commit_of_several_priorities_concerns_every_range_between() {
        let mut notice = arrived("a", Priority::BULK);
        notice.add_arrivals(&Category::named("a"), (Priority::NORMAL, Priority::NORMAL));
        assert!(notice.concerns(&arrivals("a", (Priority::NORMAL, Priority::ALL.1))));
        assert!(notice.concerns(&arrivals("a", (Priority::ALL.0, Priority::BULK))));
    }

    #[test]
    fn arrivals_of_any_category_are_only_those_that_a_commit_names() {
        let signal = CommitSignal::default();
        let production = (Priority::NORMAL, Priority::ALL.1);
        let mut watch = signal.watch(vec![Watched::AnyArrivals { priorities: production }]);
        watch.take_changed();
        signal.announce(None);
        signal.announce(Some(&CommitNotice { moves: true, ..Default::default() }));
        signal.announce(Some(&arrived("a", Priority::BULK)));
        signal.announce_arrivals((Priority::BULK, Priority::BULK));
        assert!(watch.take_changed().is_empty() && watch.last_change().is_none());
        signal.announce(Some(&arrived("a", Priority::NORMAL)));
        let first = watch.last_change();
        assert!(first.is_some() && watch.take_changed() == [0]);
        signal.announce_arrivals((Priority::ALL.1, Priority::ALL.1));
        assert!(watch.take_changed() == [0] && watch.last_change() > first);
        assert_eq!(*signal.commits().borrow(), 4, "what is announced apart is no commit");
    }

    #[test]
    fn a_watch_that_is_dropped_is_forgotten() {
        let signal = CommitSignal::default();
        drop(signal.watch(vec![Watched::Moves]));
        signal.announce(None);
        assert!(signal.watches.lock().unwrap().is_empty());
    }

    #[test]
    fn what_is_announced_between_two_looks_is_not_missed() {
        let signal = CommitSignal::default();
        let mut watch = signal.watch(vec![Watched::Moves]);
        watch.take_changed();
        signal.announce(None);
        drop(watch.changed());
        assert!(watch.changed().now_or_never().is_some_and(|news| news.is_ok()));
        drop(signal);
        assert!(watch.changed().now_or_never().is_some_and(|news| news.is_ok()), "still unseen");
        watch.take_changed();
        assert!(watch.changed().now_or_never().is_some_and(|news| news.is_err()));
    }
}
