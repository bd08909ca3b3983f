//! Positions and limits as databases keep them: signed.

/// A position as a column keeps it. Numbers beyond its range lie past every message.
pub fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The position in a column; a negative number, which no adapter writes, becomes zero.
pub fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A number of rows as a `LIMIT` takes it.
pub fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
