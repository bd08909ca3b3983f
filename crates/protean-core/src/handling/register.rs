//! The message types that a handler takes, as it is registered.

use std::any::{TypeId, type_name};
use std::marker::PhantomData;
use std::sync::Arc;

use protean_port::Error;
use serde::de::DeserializeOwned;

use super::erased::{ErasedHandler, HandlerInput, HandlerOutput};
use super::external;
use super::failure::{Failure, Handled};
use super::group::HandlerKind;
use super::handle::{Answer, Handle, On, Receive};
use super::payload::{self, ENTRY_RECEIVED};
use super::registry::{Registration, Registry, Route, Source};
use crate::config::Declared;
use crate::model::{
    Aggregate, Command, Data, Event, ExternalEvent, MessageType, Projection, Query,
};
use crate::unit::Context;

/// The message types that a handler takes: [`CommandsOf`] an aggregate, [`Events`], or the
/// [`Entries`] of a stream.
pub struct Routes<'r, H, Of> {
    registration: &'r mut Registration,
    handler: Arc<H>,
    of: Of,
}

/// Commands of the aggregate `A`.
pub struct CommandsOf<A>(PhantomData<fn() -> A>);

/// Events, of whichever aggregates.
pub struct Events;

/// What other systems put into a stream of a broker.
pub struct Entries {
    stream: &'static str,
}

/// The queries of a query handler.
pub struct QueryRoutes<'r, H> {
    registry: &'r mut Registry,
    handler: Arc<H>,
}

impl Registry {
    /// A handler for commands of the aggregate `A`.
    pub fn command_handler<A: Aggregate, H>(
        &mut self,
        name: &'static str,
        handler: H,
    ) -> Routes<'_, H, CommandsOf<A>> {
        self.routes(name, handler, HandlerKind::Commands, CommandsOf(PhantomData))
    }

    /// A handler for events, of whichever aggregates.
    pub fn event_handler<H>(&mut self, name: &'static str, handler: H) -> Routes<'_, H, Events> {
        self.routes(name, handler, HandlerKind::Events, Events)
    }

    /// A projector that keeps the projection `P`, which is registered with it.
    pub fn projector<P: Projection, H>(
        &mut self,
        name: &'static str,
        handler: H,
    ) -> Routes<'_, H, Events> {
        self.projection::<P>();
        let routes = self.routes(name, handler, HandlerKind::Projector, Events);
        routes.registration.projection = Some(TypeId::of::<P>());
        routes
    }

    /// A handler for what other systems put into a stream of the broker `default`.
    ///
    /// Each entry is taken into the log before it leaves the stream, and handled
    /// from there: tried again, given up and replayed like any message.
    pub fn subscriber<H>(
        &mut self,
        name: &'static str,
        handler: H,
        stream: &'static str,
    ) -> Routes<'_, H, Entries> {
        let kind = HandlerKind::Subscriber { broker: "default" };
        self.routes(name, handler, kind, Entries { stream })
    }

    /// A handler for queries about the projection `P`, which is registered with it.
    pub fn query_handler<P: Projection, H>(
        &mut self,
        _name: &'static str,
        handler: H,
    ) -> QueryRoutes<'_, H> {
        self.projection::<P>();
        QueryRoutes { registry: self, handler: Arc::new(handler) }
    }

    fn routes<H, Of>(
        &mut self,
        name: &'static str,
        handler: H,
        kind: HandlerKind,
        of: Of,
    ) -> Routes<'_, H, Of> {
        let registration = self.registration(name, type_name::<H>(), kind);
        Routes { registration, handler: Arc::new(handler), of }
    }
}

impl<H, Of> Routes<'_, H, Of> {
    /// Sets what the code decides: `domain.toml` cannot change it.
    pub fn declare(self, declared: Declared) -> Self {
        self.registration.declared = declared;
        self
    }

    fn route(self, source: Source, message: MessageType, call: ErasedHandler) -> Self {
        self.registration.routes.push(Route { source, message, by: &[], external: None, call });
        self
    }
}

impl<A: Aggregate, H> Routes<'_, H, CommandsOf<A>> {
    /// Routes commands of this type to the handler.
    pub fn handles<C>(self) -> Self
    where
        C: Command<Aggregate = A>,
        H: Handle<C>,
    {
        let call = erased(&self.handler, |handler, input, context| async move {
            let command = input.take::<C>(C::NAME, &context)?;
            Ok(HandlerOutput::new(handler.handle(command, &context).await?))
        });
        let source = Source::Aggregate(TypeId::of::<A>(), A::NAME);
        self.route(source, MessageType::command::<C>(), call)
    }
}

impl<H> Routes<'_, H, Events> {
    /// Routes events of this type to the handler.
    pub fn on<E>(self) -> Self
    where
        E: Event,
        H: On<E>,
    {
        let call = erased(&self.handler, |handler, input, context| async move {
            let event = input.take::<E>(E::NAME, &context)?;
            handler.on(event, &context).await?;
            Ok(HandlerOutput::new(()))
        });
        self.route(Source::of_event::<E>(), MessageType::event::<E>(), call)
    }
}

impl<H> Routes<'_, H, Entries> {
    /// Takes each entry in this form; one that does not have it is a dead letter.
    pub fn receives<T>(self) -> Self
    where
        T: DeserializeOwned + Send + 'static,
        H: Receive<T>,
    {
        let call = erased(&self.handler, |handler, input, context| async move {
            let payload = match input {
                HandlerInput::Json(json) => payload::read::<T>(&json)?,
                value @ HandlerInput::Value(_) => value.take_value(ENTRY_RECEIVED.0)?,
            };
            handler.receive(payload, &context).await?;
            Ok(HandlerOutput::new(()))
        });
        let source = Source::Stream(self.of.stream);
        let read = |data: Data<'_>, _: &str| {
            let read = payload::read::<T>(data.json());
            read.map(drop).map_err(|failure| Error::failed(failure.to_string()))
        };
        self.route(source, MessageType::other::<T>(ENTRY_RECEIVED, read), call)
    }

    /// Takes the events of this type that come in the stream. Other messages are passed over; an
    /// event that cannot be read is a dead letter.
    pub fn takes<E>(self) -> Self
    where
        E: ExternalEvent,
        H: Receive<E>,
    {
        let call = erased(&self.handler, |handler, input, context| async move {
            let event = match input {
                HandlerInput::Json(json) => {
                    external::read::<E>(&json).map_err(|error| Failure::from(error).rejecting())?
                }
                value @ HandlerInput::Value(_) => Some(value.take_value(E::NAME)?),
            };
            let Some(event) = event else { return Ok(HandlerOutput::passed_over()) };
            handler.receive(event, &context).await?;
            Ok(HandlerOutput::new(()))
        });
        let read = |data: Data<'_>, _: &str| external::read::<E>(data.json()).map(drop);
        let message = MessageType::other::<E>(ENTRY_RECEIVED, read);
        let source = Source::Stream(self.of.stream);
        let external = Some(E::NAME);
        self.registration.routes.push(Route { source, message, by: &[], external, call });
        self
    }

    /// Reads the stream of this broker: `[brokers.NAME]`.
    pub fn broker(self, name: &'static str) -> Self {
        self.registration.kind = HandlerKind::Subscriber { broker: name };
        self
    }
}

impl<H> QueryRoutes<'_, H> {
    /// Routes queries of this type to the handler.
    pub fn answers<Q>(self) -> Self
    where
        Q: Query,
        H: Answer<Q>,
    {
        let call = erased(&self.handler, |handler, input, context| async move {
            let query = input.take_value::<Q>(Q::NAME)?;
            Ok(HandlerOutput::fleeting(handler.answer(query, &context).await?))
        });
        self.registry.query(TypeId::of::<Q>(), Q::NAME, call);
        self
    }
}

/// A handler's method behind one type, whatever message it takes.
fn erased<H, F>(
    handler: &Arc<H>,
    call: impl Fn(Arc<H>, HandlerInput, Context) -> F + Send + Sync + 'static,
) -> ErasedHandler
where
    H: Send + Sync + 'static,
    F: Future<Output = Handled<HandlerOutput>> + Send + 'static,
{
    let handler = Arc::clone(handler);
    Arc::new(move |input, context| Box::pin(call(Arc::clone(&handler), input, context)))
}
