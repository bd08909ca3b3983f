//! What handlers implement, one trait a kind of message.

use std::future::Future;

use super::failure::Handled;
use super::registry::Registry;
use crate::model::{Command, Event, Query};
use crate::unit::Context;

/// Handles a command. Write it with a plain `async fn`; [`Register`] has an example.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not handle `{C}`",
    note = "add an `async fn` with `#[handle]` for it to the `#[command_handler]` block"
)]
pub trait Handle<C: Command>: Send + Sync + 'static {
    /// Does what the command wants, through the repositories of `context`.
    /// All it changes commits together, after it has returned.
    fn handle(
        &self,
        command: C,
        context: &Context,
    ) -> impl Future<Output = Handled<C::Output>> + Send;
}

/// Reacts to an event: an event handler's or a projector's part for one type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not react to `{E}`",
    note = "add an `async fn` with `#[handle]` or `#[on]` for it to the handler's block"
)]
pub trait On<E: Event>: Send + Sync + 'static {
    /// Reacts. All it changes commits together, after it has returned, once;
    /// what it does elsewhere (mail, HTTP) may happen again after a crash.
    fn on(&self, event: E, context: &Context) -> impl Future<Output = Handled> + Send;
}

/// Takes what other systems put into a broker's stream: see [`Registry::subscriber`]. `T` is the
/// form of an entry, or an [`ExternalEvent`](crate::model::ExternalEvent).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not receive `{T}`",
    note = "add an `async fn` with `#[handle]`, or `#[on]` for an event of another domain, to the \
            `#[subscriber]` block"
)]
pub trait Receive<T>: Send + Sync + 'static {
    /// Takes one entry: its JSON read into `T`, or [as it is](super::Payload). All it
    /// changes commits together, after it has returned, once.
    fn receive(&self, payload: T, context: &Context) -> impl Future<Output = Handled> + Send;
}

/// Answers a query: a query handler's part for one type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not answer `{Q}`",
    note = "add an `async fn` with `#[handle]` for it to the `#[query_handler]` block"
)]
pub trait Answer<Q: Query>: Send + Sync + 'static {
    /// Answers from what is committed.
    fn answer(
        &self,
        query: Q,
        context: &Context,
    ) -> impl Future<Output = Handled<Q::Output>> + Send;
}

/// A handler that can be registered. Says which messages it takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be registered",
    note = "put `#[command_handler]`, `#[event_handler]`, `#[projector]`, `#[query_handler]` or \
            `#[subscriber]` on its `impl` block"
)]
pub trait Register: Send + Sync + Sized + 'static {
    /// Enters the handler and its routes.
    fn register(self, registry: &mut Registry);
}
