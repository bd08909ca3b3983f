//! Fields that say when an instance was created and changed.

use protean_port::message::Timestamp;

/// When an instance is kept: what `#[field(created_at)]` and `#[field(updated_at)]` are filled from.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a, T> {
    /// The time of the message at hand, so that it is the same each time the message is handled.
    pub moment: Timestamp,
    /// It was not kept before.
    pub is_new: bool,
    /// The instance that it replaces without having been loaded.
    pub replaced: Option<&'a T>,
}

/// A type that can hold when an instance was created or changed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot hold when an instance was created or changed",
    note = "use `Timestamp`, or `Option<Timestamp>` when rows that are there have none"
)]
pub trait Stamped: Copy {
    /// When it was created: a value that is there already stays.
    fn created(&mut self, moment: Timestamp, is_new: bool, replaced: Option<Self>);

    /// When it was changed, which is never before the last time.
    fn updated(&mut self, moment: Timestamp);
}

impl Stamped for Timestamp {
    fn created(&mut self, moment: Timestamp, is_new: bool, replaced: Option<Self>) {
        if *self == Self::default() {
            *self = if is_new { moment } else { replaced.unwrap_or(*self) };
        }
    }

    fn updated(&mut self, moment: Timestamp) {
        *self = moment.max(*self);
    }
}

impl Stamped for Option<Timestamp> {
    fn created(&mut self, moment: Timestamp, is_new: bool, replaced: Option<Self>) {
        if self.is_none() {
            *self = if is_new { Some(moment) } else { replaced.flatten() };
        }
    }

    fn updated(&mut self, moment: Timestamp) {
        *self = (*self).max(Some(moment));
    }
}
