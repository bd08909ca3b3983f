//! The limit of commands that list messages.

use clap::builder::TypedValueParser;

/// The most messages that one call shows, since they are held in memory.
pub(super) const MAX_LIMIT: i64 = 10_000;

/// Reads the value of `--limit`.
pub(super) fn limit() -> impl TypedValueParser<Value = usize> {
    clap::value_parser!(u32).range(1..=MAX_LIMIT).try_map(usize::try_from)
}
