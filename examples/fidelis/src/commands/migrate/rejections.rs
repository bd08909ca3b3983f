//! Rows that the bank rejects, and why.

use std::collections::BTreeMap;

use serde::Serialize;

/// How many are kept with their reason; the others are only counted.
const KEPT_REASONS: usize = 1000;

/// The rejected rows: all counted, the first ones with their reasons.
#[derive(Default)]
pub(crate) struct Rejections {
    count: u64,
    first: BTreeMap<u64, String>,
}

/// One rejected row.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Rejected {
    /// Its line in the export, from 1.
    pub(crate) line: u64,
    pub(crate) reason: String,
}

impl Rejections {
    pub(crate) fn add(&mut self, line: u64, reason: String) {
        self.count += 1;
        self.first.insert(line, reason);
        if self.first.len() > KEPT_REASONS {
            self.first.pop_last();
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The first ones in the order of their lines.
    pub(crate) fn into_first(self) -> Vec<Rejected> {
        self.first.into_iter().map(|(line, reason)| Rejected { line, reason }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT_REASONS, Rejections};

    #[test]
    fn keeps_the_first_lines_and_counts_all() {
        let mut rejections = Rejections::default();
        for line in (1..=2 * KEPT_REASONS as u64).rev() {
            rejections.add(line, "is required".into());
        }
        assert_eq!(rejections.count(), 2 * KEPT_REASONS as u64);
        let first = rejections.into_first();
        assert_eq!((first.len(), first[0].line), (KEPT_REASONS, 1));
    }
}
