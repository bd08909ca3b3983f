//! What every aggregate carries.

use std::any::type_name;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use protean_port::message::{Id, Priority, Timestamp};
use protean_port::{Error, Result, Violations};

use super::dropped;
use super::states::States;

/// The identity and version of an aggregate and the events it has raised.
/// A clone keeps identity and version and drops the events; of an instance that
/// must not be kept, none is to be kept either.
pub struct Root<A> {
    id: Id,
    version: Option<u64>,
    raised: Vec<Raised>,
    barred: Option<Violations>,
    /// An event could not be raised, and the caller got the error.
    has_failed: bool,
    lifecycle: Lifecycle,
    reminders: Vec<Reminder>,
    /// The last known states.
    states: States,
    aggregate: PhantomData<fn() -> A>,
}

/// What is kept of a process beside its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// The priority of the event that it began with, which its commands have.
    pub priority: Priority,
    /// It is complete: what comes now, comes late.
    pub is_complete: bool,
    /// The ids of its timers that wait, by their names: others were replaced or cancelled.
    pub timers: BTreeMap<String, String>,
}

/// An event that an aggregate has raised and no store has yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// The name of the event in message types.
    pub name: &'static str,
    /// The version of its form.
    pub version: u32,
    /// It goes to other systems.
    pub is_published: bool,
    /// Its fields, as JSON.
    pub data: String,
}

/// When something is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At this moment.
    At(Timestamp),
    /// So long from now, by the clock of the database.
    After(Duration),
}

/// What a process wants of one of its timers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reminder {
    /// That it comes then, in place of the one of its type that waits.
    Set(Raised, Start),
    /// That the one of this type does not come.
    Cancel(&'static str),
}

impl<A> Root<A> {
    /// A new instance under a fresh identity.
    #[expect(clippy::new_without_default, reason = "a default identity that differs surprises")]
    pub fn new() -> Self {
        Self::with_id(Id::new())
    }

    /// A new instance under this identity.
    pub fn with_id(id: impl Into<Id>) -> Self {
        Self::restored(id.into(), None)
    }

    /// An instance as a store has it.
    pub fn restored(id: Id, version: Option<u64>) -> Self {
        Self {
            id,
            version,
            raised: Vec::new(),
            barred: None,
            has_failed: false,
            lifecycle: Lifecycle::default(),
            reminders: Vec::new(),
            states: States::default(),
            aggregate: PhantomData,
        }
    }

    /// The same, of a process that stands here.
    pub(crate) fn with_lifecycle(mut self, lifecycle: Lifecycle) -> Self {
        self.lifecycle = lifecycle;
        self
    }

    /// What is kept of a process beside its fields.
    pub fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    /// True when this is the timer of the name that waits, and not one that was replaced or
    /// cancelled; it waits no more then.
    pub(crate) fn takes_timer(&mut self, name: &str, id: &str) -> bool {
        let is_awaited = self.lifecycle.timers.get(name).is_some_and(|awaited| awaited == id);
        if is_awaited {
            self.lifecycle.timers.remove(name);
        }
        is_awaited
    }

    pub(crate) fn lifecycle_mut(&mut self) -> &mut Lifecycle {
        &mut self.lifecycle
    }

    /// Completes a process: what comes from now on, comes late.
    pub fn complete(&mut self) {
        self.lifecycle.is_complete = true;
    }

    /// Sets or cancels a timer of a process, once the process is kept.
    pub fn remind(&mut self, reminder: Reminder) {
        self.reminders.push(reminder);
    }

    /// What the process wants of its timers.
    pub(crate) fn take_reminders(&mut self) -> Vec<Reminder> {
        std::mem::take(&mut self.reminders)
    }

    /// The identity of the instance.
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// The version in the store: 0 after the first commit; `None` when it was never kept.
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// The events raised since it was loaded.
    pub fn raised(&self) -> &[Raised] {
        &self.raised
    }

    /// True for an instance that is in no store and has raised nothing.
    pub fn is_blank(&self) -> bool {
        self.version.is_none() && self.raised.is_empty()
    }

    /// Moves to the version after one more event of a stream.
    pub(crate) fn advance(&mut self) {
        self.version = Some(self.version.map_or(0, |version| version + 1));
    }

    /// Bars the instance from being changed or kept.
    pub(crate) fn bar(&mut self, violations: Violations) {
        self.barred = Some(violations);
    }

    /// Whether the instance may be changed and kept.
    ///
    /// # Errors
    /// When it broke an invariant, or was loaded in a state that forbids changes.
    pub fn allow(&self) -> Result {
        self.barred.clone().map_or(Ok(()), |violations| Err(Error::invalid(violations)))
    }

    /// The states of the instance when it was loaded or raised its last event.
    pub(super) fn states(&self) -> &States {
        &self.states
    }

    pub(super) fn set_states(&mut self, states: States) {
        self.states = states;
    }

    /// An event could not be raised.
    pub(crate) fn note_failure(&mut self) {
        self.has_failed = true;
    }

    pub(crate) fn record(&mut self, raised: Raised) {
        self.raised.push(raised);
    }

    /// Forgets the events that were raised: for an instance that only tried something out. One that
    /// is dropped with its events, where a handler succeeds, is an error of the handler.
    pub fn discard(&mut self) {
        self.raised.clear();
    }
}

impl<A> Drop for Root<A> {
    fn drop(&mut self) {
        if let Some(first) = self.raised.first()
            && !self.has_failed
        {
            dropped::note(|| {
                let name = type_name::<A>().rsplit("::").next().unwrap_or_default();
                format!("{name} '{}' has raised {}", self.id, first.name)
            });
        }
    }
}

impl<A> Clone for Root<A> {
    fn clone(&self) -> Self {
        let mut clone = Self::restored(self.id.clone(), self.version);
        clone.barred.clone_from(&self.barred);
        clone.lifecycle.clone_from(&self.lifecycle);
        clone.states.clone_from(&self.states);
        clone
    }
}

impl<A> fmt::Debug for Root<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Root");
        debug.field("id", &self.id).field("version", &self.version);
        debug.field("raised", &self.raised.len()).finish()
    }
}
