//! How a type is kept.

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
