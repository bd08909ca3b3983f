//! Read models.

use protean_port::message::Id;

use super::{Columns, Projected, Stored};

/// A read model: rows that projectors keep from events.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projection",
    note = "declare it with `#[projection]` and mark its identity with `#[field(identifier)]`"
)]
pub trait Projection: Columns + Stored<Storage = Projected> {
    /// The name; its table is the same in snake case.
    const NAME: &'static str;

    /// The index of the column that holds the identity.
    const KEY: usize;

    /// The identity of this row.
    fn key(&self) -> Id;
}
