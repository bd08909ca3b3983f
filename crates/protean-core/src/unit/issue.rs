//! A command that a handler issues.

use std::sync::Arc;
use std::time::Duration;

use protean_port::Result;
use protean_port::message::{Id, Priority, Timestamp};

use super::enrichment::Enrichment;
use super::key::Key;
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
    key: Option<Key>,
}

impl<'a, C: Command> Issue<'a, C> {
    pub(super) fn new(unit: &'a Unit, command: C, priority: Priority) -> Self {
        let (timing, more) = Default::default();
        Self { unit, command, priority, timing, more, key: None }
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

    /// With this idempotency key, as with that of [`Process`](crate::domain::Process): of the
    /// commands of one type with the same key only the first is sent.
    ///
    /// The key is looked up when the handler has returned, and claimed together with everything else
    /// that the unit changes. If it is taken, the command is not sent, and all the rest is kept. If
    /// the command that came first has other content, nothing is kept: the handler has failed with an
    /// [invalid](protean_port::Error::is_invalid) that names both values, and its message becomes a
    /// dead letter. If another unit claims the key in between, the handler runs again.
    ///
    /// An identity from [`Context::new_id`](super::Context::new_id) differs from message to message,
    /// so it makes other content.
    ///
    /// ```
    /// # use protean_core::{model::Command, unit::Context};
    /// # use protean_port::Result;
    /// # fn shown<C: Command>(ctx: &Context, send_welcome: C, customer: &str) -> Result {
    /// // However many of its orders are placed, a customer is welcomed once.
    /// ctx.command(send_welcome).idempotency_key(format!("welcome-{customer}")).issue()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn idempotency_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.key = Some(Key::expiring(key));
        self
    }

    /// The same, with a key that holds for ever.
    pub fn permanent_idempotency_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.key = Some(Key::permanent(key));
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

    /// Issues the command: it is kept with everything else that the unit changes. Gives its id;
    /// there is no command with that id if its idempotency key turns out to be taken.
    ///
    /// # Errors
    /// When the command breaks the rules of its fields or of [`Metadata`](protean_port::message::Metadata),
    /// its idempotency key distinguishes nothing, or the unit of work has ended: its handler
    /// has returned.
    pub fn issue(self) -> Result<Id> {
        let Self { unit, command, priority, timing, more, key } = self;
        unit.issue(&command, priority, timing, &more, key.as_ref())
    }
}
