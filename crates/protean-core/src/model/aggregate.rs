//! Aggregates.

use protean_port::message::Id;
use protean_port::{Result, Violations};

use super::data::Data;
use super::field::{Columns, Fields};
use super::message_type::MessageType;
use super::root::{Raised, Root};
use super::states::States;
use super::stored::{EventSourced, Stored};

/// A cluster of state that changes as one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate",
    note = "declare it with `#[aggregate]` and give it a field `root: Root<{Self}>`"
)]
pub trait Aggregate: Fields + Invariants + Stored + Sized + Send + Sync + 'static {
    /// The name, in messages and, in snake case, in categories and tables.
    const NAME: &'static str;

    /// The category of its streams when it is not `<domain>::<aggregate>`.
    const STREAM_CATEGORY: Option<&'static str> = None;

    /// The names of the commands it declares; each needs a handler.
    const COMMANDS: &'static [&'static str] = &[];

    /// Its fact event, when it emits facts.
    const FACT: Option<MessageType> = None;

    /// The form of its snapshots, when it is kept as events. A greater number
    /// makes those there are worthless, as a changed column does: raise it when
    /// events are applied in another way, or what a list holds has changed.
    const SNAPSHOT_VERSION: u32 = 1;

    /// The present state as its fact event, when it emits facts.
    ///
    /// # Errors
    /// When the state cannot be written as JSON.
    fn fact(&self) -> Result<Option<Raised>> {
        Ok(None)
    }

    /// Identity, version and events.
    fn root(&self) -> &Root<Self>;

    /// Identity, version and events.
    fn root_mut(&mut self) -> &mut Root<Self>;
}

/// The invariants of an aggregate, checked before and after a change; of a value object or an
/// entity, whenever it is checked.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what must hold for it",
    note = "put `#[aggregate_impl]` on exactly one `impl {Self}` block, even an empty one"
)]
pub trait Invariants {
    /// What forbids a change of the present state.
    fn before(&self) -> Violations {
        Violations::new()
    }

    /// What is wrong with the state after a change.
    fn after(&self) -> Violations {
        Violations::new()
    }
}

/// Changes the state as an event says. Cannot fail: the event has happened.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not apply `{E}`",
    note = "add `#[apply] fn on_…(&mut self, event: &{E})` to its `#[aggregate_impl]` block"
)]
pub trait Apply<E> {
    /// Changes the state as the event says.
    fn apply(&mut self, event: &E);
}

/// An event-sourced aggregate, rebuilt from what a log holds. Its columns are
/// what a snapshot holds.
pub trait Replay: Aggregate + Columns + Stored<Storage = EventSourced> {
    /// The events it applies, each in the version it knows.
    const EVENTS: &'static [MessageType];

    /// The state before the first event.
    fn blank(root: Root<Self>) -> Self;

    /// Applies the event of this name; `false` when it applies no such event.
    /// Nothing is validated: what is in the log has happened.
    ///
    /// # Errors
    /// When the data does not have the form of the event.
    fn replay(&mut self, name: &str, data: Data<'_>) -> Result<bool>;

    /// A new instance under a fresh identity.
    fn create() -> Self {
        Self::blank(Root::new())
    }

    /// A new instance under this identity.
    fn create_with(id: impl Into<Id>) -> Self {
        Self::blank(Root::with_id(id))
    }
}

/// The instance as a store has it at this version: without events, and barred
/// from being changed when its state forbids that.
#[must_use]
pub fn as_stored<A: Aggregate>(mut aggregate: A, version: Option<u64>) -> A {
    let root = Root::restored(aggregate.root().id().clone(), version);
    *aggregate.root_mut() = root;
    note_states(&mut aggregate);
    let forbidden = aggregate.before();
    if !forbidden.is_empty() {
        aggregate.root_mut().bar(forbidden);
    }
    aggregate
}

/// The violations of the current instance: its fields, invariants and transitions.
pub fn violations_after<A: Aggregate>(aggregate: &A) -> Violations {
    let mut violations = aggregate.check();
    violations.merge(&states_of(aggregate).violations_since(aggregate.root().states()));
    violations.merge(&aggregate.after());
    violations
}

/// Makes the current states the base for later transitions.
pub(crate) fn note_states<A: Aggregate>(aggregate: &mut A) {
    let states = states_of(aggregate);
    aggregate.root_mut().set_states(states);
}

/// The states of the instance.
pub(super) fn states_of<A: Aggregate>(aggregate: &A) -> States {
    let mut states = States::default();
    aggregate.states(&mut states);
    states
}
