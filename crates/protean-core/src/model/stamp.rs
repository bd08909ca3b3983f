//! Fields for the creation and last change of an instance.

use protean_port::message::Timestamp;

/// The source of `#[field(created_at)]` and `#[field(updated_at)]` when an instance is stored.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a, T> {
    /// The time of the current message, so that it is the same on every attempt.
    pub moment: Timestamp,
    /// The instance is new.
    pub is_new: bool,
    /// The stored instance that this one replaces without having loaded it.
    pub replaced: Option<&'a T>,
}

/// A type for the time of creation or last change.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot hold when an instance was created or changed",
    note = "use `Timestamp`, or `Option<Timestamp>` when rows that are there have none"
)]
pub trait Stamped: Copy {
    /// Sets the time of creation; an existing value stays.
    fn created(&mut self, moment: Timestamp, is_new: bool, replaced: Option<Self>);

    /// Sets the time of the last change, which never goes back.
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
