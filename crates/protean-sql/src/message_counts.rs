//! Counts of the messages of a category and priority, kept so that nobody has to count the
//! whole log.
//!
//! ```text
//! log    ───────4096────────8192────────12288─ ─ ─▶
//! counts          BULK 3,000 up to 4091, NORMAL 1,090 up to 4095
//!                           BULK 5,800 up to 8190, …
//! ```
//! The transaction that appends such a message adds the counts of what is in the log by then: on
//! PostgreSQL what earlier transactions have appended, on SQLite its own messages as well. How many
//! messages follow a position is then the difference of two counts, and what lies beside them.

use std::ops::RangeInclusive;

/// Messages of the log from one addition of counts to the next.
const COUNT_INTERVAL_MESSAGES: u64 = 4096;

/// Adds a count for each category and priority that has new messages; `place` is the column of
/// their positions that the index of lanes has.
pub fn count_messages(place: &str) -> String {
    include_str!("sql/count_messages.sql").replace("{place}", place)
}

/// Finds the counts of a log that has none: category, priority, position, and how many messages
/// there are up to it.
pub fn count_in_steps(place: &str) -> String {
    let sql = include_str!("sql/count_in_steps.sql").replace("{place}", place);
    sql.replace("{interval}", &COUNT_INTERVAL_MESSAGES.to_string())
}

/// True when a transaction that appends these positions adds counts.
pub fn adds_counts(positions: RangeInclusive<u64>) -> bool {
    let (first, last) = positions.into_inner();
    last / COUNT_INTERVAL_MESSAGES > first.saturating_sub(1) / COUNT_INTERVAL_MESSAGES
}

#[cfg(test)]
mod tests {
    use super::adds_counts;

    #[test]
    fn counts_are_added_by_the_transaction_that_appends_every_4096th_message() {
        let adding =
            |positions: [(u64, u64); 6]| positions.map(|(first, last)| adds_counts(first..=last));
        let around = [(1, 1), (1, 4095), (4096, 4096), (4097, 8191), (4000, 4100), (1, 20_000)];
        assert_eq!(adding(around), [false, false, true, false, true, true]);
    }
}
