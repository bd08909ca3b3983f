//! A command that a handler issues.

use std::time::Duration;

use protean_port::Result;
use protean_port::message::{Id, Priority, Timestamp};

use super::enrichment::Enrichment;
use super::timing::Timing;
use super::unit::Unit;
use crate::model::{Command, Start};

/// A command that is ready to be issued: say how, then [`issue`](Self::issue).
#[must_use = "nothing is issued until `issue` is called"]
pub struct Issue<'a, C> {
    unit: &'a Unit,
    command: C,
    priority: Priority,
    timing: Timing,
    more: Enrichment,
}

impl<'a, C: Command> Issue<'a, C> {
    pub(super) fn new(unit: &'a Unit, command: C, priority: Priority) -> Self {
        let (timing, more) = Default::default();
        Self { unit, command, priority, timing, more }
    }

    /// Sets the priority; without it that of the message at hand, or of the scope, counts.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Sets a deadline: after this moment the command is not handled any more.
    pub fn deadline(mut self, deadline: Timestamp) -> Self {
        self.timing.deadline = Some(deadline);
        self
    }

    /// Sets a deadline this far from now; of a command that is scheduled, from when it is due.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timing.timeout = Some(timeout);
        self
    }

    /// Sets a metadata value that the command and everything it causes carry, in addition to the
    /// metadata inherited from the current message.
    pub fn metadata(mut self, key: impl Into<String>, text: impl Into<String>) -> Self {
        self.more.metadata.set(key, text);
        self
    }

    /// Schedules the command for this moment.
    pub fn at(mut self, moment: Timestamp) -> Self {
        self.timing.start = Some(Start::At(moment));
        self
    }

    /// Schedules the command, so long from now by the clock of the database.
    pub fn after(mut self, delay: Duration) -> Self {
        self.timing.start = Some(Start::After(delay));
        self
    }

    /// Issues the command: it is kept with everything else that the unit changes.
    ///
    /// # Errors
    /// When the command breaks the rules of its fields or of [`Metadata`](protean_port::message::Metadata),
    /// or the unit of work has ended: its handler
    /// has returned.
    pub fn issue(self) -> Result<Id> {
        self.unit.issue(&self.command, self.priority, self.timing, &self.more)
    }
}
