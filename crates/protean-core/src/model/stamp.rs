//! Fields for the creation and last change of an instance.

use protean_port::message::{Timestamp, Value};

/// The source of `#[field(created_at)]` and `#[field(updated_at)]` when an instance is stored.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// The time of the current message, so that it is the same on every attempt.
    pub moment: Timestamp,
    /// The instance is new.
    pub is_new: bool,
    /// The stored row that the instance replaces without having been loaded from it.
    pub replaced: Option<&'a [Value]>,
}

/// A type for the time of creation or last change.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot hold when an instance was created or changed",
    note = "use `Timestamp`, or `Option<Timestamp>` when rows that are there have none"
)]
pub trait Stamped: Copy {
    /// This moment as a field.
    fn at(moment: Timestamp) -> Self;

    /// The moment, if one is set.
    fn moment(self) -> Option<Timestamp>;
}

impl Stamp<'_> {
    /// Sets the time of creation, which this column holds; an existing value stays.
    pub fn created<T: Stamped>(&self, field: &mut T, column: usize) {
        let created = if self.is_new { Some(self.moment) } else { self.replaced(column) };
        if let (None, Some(created)) = (field.moment(), created) {
            *field = T::at(created);
        }
    }

    /// Sets the time of the last change, which this column holds and which never goes back.
    pub fn updated<T: Stamped>(&self, field: &mut T, column: usize) {
        let known = field.moment().max(self.replaced(column));
        *field = T::at(known.map_or(self.moment, |known| known.max(self.moment)));
    }

    /// The moment in a column of the row that is replaced.
    fn replaced(&self, column: usize) -> Option<Timestamp> {
        match self.replaced?.get(column)? {
            Value::Timestamp(moment) => moment.moment(),
            _ => None,
        }
    }
}

impl Stamped for Timestamp {
    fn at(moment: Timestamp) -> Self {
        moment
    }

    fn moment(self) -> Option<Timestamp> {
        (self != Self::default()).then_some(self)
    }
}

impl Stamped for Option<Timestamp> {
    fn at(moment: Timestamp) -> Self {
        Some(moment)
    }

    fn moment(self) -> Option<Timestamp> {
        self
    }
}
