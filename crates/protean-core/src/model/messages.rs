//! Events, commands and queries.

use protean_port::message::Id;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::aggregate::Aggregate;
use super::field::Fields;
use super::message_type::MessageType;

/// Something that happened to an aggregate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    note = "declare it with `#[event(part_of = Aggregate)]`"
)]
pub trait Event: Fields + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name in message types; stays when the struct is renamed.
    const NAME: &'static str;

    /// The version of its form, from 1.
    const VERSION: u32 = 1;

    /// True for a fact event, which holds the whole state after a change and
    /// stands in a stream of its own.
    const FACT: bool = false;

    /// True for an event that other systems see: it goes to the brokers of
    /// `outbox.external_brokers`, and its form is a contract.
    const PUBLISHED: bool = false;

    /// The aggregate it happens to.
    type Aggregate: Aggregate;
}

/// Something that is wanted of an aggregate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command",
    note = "declare it with `#[command(part_of = Aggregate)]`"
)]
pub trait Command: Fields + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name in message types.
    const NAME: &'static str;

    /// The version of its form, from 1.
    const VERSION: u32 = 1;

    /// The aggregate that is asked.
    type Aggregate: Aggregate;

    /// What its handler answers.
    type Output: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The instance it is for, when one of its fields says so. Commands for one
    /// instance run one at a time.
    fn instance(&self) -> Option<Id> {
        None
    }
}

/// A question to a query handler. Nothing of it is kept.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a query",
    note = "declare it with `#[query(returns = Answer)]`"
)]
pub trait Query: Fields + Send + Sync + 'static {
    /// The name, for errors and traces.
    const NAME: &'static str;

    /// The type of the answer.
    type Output: Send + 'static;
}

impl MessageType {
    /// This type of event.
    pub const fn event<E: Event>() -> Self {
        Self::of::<E>(E::NAME, E::VERSION).published(E::PUBLISHED)
    }

    /// This type of command.
    pub const fn command<C: Command>() -> Self {
        Self::of::<C>(C::NAME, C::VERSION)
    }
}
