//! Announces commits, of this process and of others.

use std::sync::Arc;

use protean_port::message::{Category, Priority};
use protean_port::port::{CommitNotice, CommitSignal};

use crate::turnstile::Durable;

/// The most bytes of a notification; the server allows 8,000.
const MAX_PAYLOAD_BYTES: usize = 7_900;
/// Stands for messages that were parked, released or given up, or taken out again.
const MOVES: &str = "moves";

/// What the writers of a store announce.
#[derive(Clone, Default)]
pub(crate) struct Announced {
    pub(crate) signal: Arc<CommitSignal>,
    pub(crate) durable: Arc<Durable>,
}

/// An announcement as other processes receive it.
#[derive(Debug, PartialEq)]
pub(crate) struct Announcement {
    /// The store that made the commit.
    pub(crate) instance: String,
    /// What it has changed, when that is known.
    pub(crate) notice: Option<CommitNotice>,
}

impl Announcement {
    /// The text of a notification: the store, then a line for each change. A change that does
    /// not fit leaves only the store, as releases write it that do not name changes.
    pub(crate) fn payload(instance: &str, notice: &CommitNotice) -> String {
        let arrivals = notice.arrivals.iter().map(|(category, (lowest, highest))| {
            format!("{} {} {category}", lowest.value(), highest.value())
        });
        let moves = notice.moves.then(|| MOVES.to_owned());
        let lines: Vec<_> =
            std::iter::once(instance.to_owned()).chain(moves).chain(arrivals).collect();
        let payload = lines.join("\n");
        if payload.len() > MAX_PAYLOAD_BYTES { instance.to_owned() } else { payload }
    }

    /// Reads the text of a notification.
    pub(crate) fn read(payload: &str) -> Self {
        let mut lines = payload.split('\n');
        let instance = lines.next().unwrap_or_default().to_owned();
        let changes: Option<Vec<_>> = lines.map(Change::read).collect();
        let notice = changes.filter(|changes| !changes.is_empty()).map(|changes| {
            let mut notice = CommitNotice::default();
            for change in changes {
                match change {
                    Change::Moves => notice.moves = true,
                    Change::Arrivals(category, of) => notice.add_arrivals(&category, of),
                }
            }
            notice
        });
        Self { instance, notice }
    }
}

enum Change {
    Moves,
    Arrivals(Category, (Priority, Priority)),
}

impl Change {
    /// A line of a notification; `None` when another release wrote it.
    fn read(line: &str) -> Option<Self> {
        if line == MOVES {
            return Some(Self::Moves);
        }
        let mut words = line.splitn(3, ' ');
        let mut priority = || Some(Priority::new(words.next()?.parse().ok()?));
        let (lowest, highest) = (priority()?, priority()?);
        Some(Self::Arrivals(Category::named(words.next()?), (lowest, highest)))
    }
}

#[cfg(test)]
mod tests {
    use protean_port::message::{Category, Priority};
    use protean_port::port::CommitNotice;

    use super::Announcement;

    fn notice(categories: usize) -> CommitNotice {
        let mut notice = CommitNotice { moves: true, ..CommitNotice::default() };
        for number in 0..categories {
            let category = Category::named(format!("a b::c{number}"));
            notice.add_arrivals(&category, (Priority::BULK, Priority::NORMAL));
        }
        notice
    }

    fn read(payload: &str) -> (String, Option<CommitNotice>) {
        let Announcement { instance, notice } = Announcement::read(payload);
        (instance, notice)
    }

    #[test]
    fn is_read_as_it_is_written() {
        let payload = Announcement::payload("s1", &notice(3));
        assert_eq!(read(&payload), ("s1".into(), Some(notice(3))));
    }

    #[test]
    fn what_does_not_fit_or_is_of_another_release_says_only_that_there_was_a_commit() {
        let payload = Announcement::payload("s1", &notice(1_000));
        assert_eq!(payload, "s1");
        for payload in ["s1", "s1\nnews", "s1\nmoves\n0 x a"] {
            assert_eq!(read(payload), ("s1".into(), None), "{payload}");
        }
    }
}
