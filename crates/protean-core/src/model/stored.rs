//! How a type is kept, and read models.

use protean_port::message::Id;

use super::field::Columns;

/// A type that a repository keeps, and in which form.
#[diagnostic::on_unimplemented(
    message = "no repository keeps `{Self}`",
    note = "repositories keep what `#[aggregate]` or `#[projection]` declares"
)]
pub trait Stored: Sized + Send + Sync + 'static {
    /// [`EventSourced`], [`StateStored`] or [`Projected`].
    type Storage;
}

/// An aggregate kept as its events.
#[derive(Debug)]
pub struct EventSourced;

/// An aggregate kept as a row.
#[derive(Debug)]
pub struct StateStored;

/// A projection, kept as a row.
#[derive(Debug)]
pub struct Projected;

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
