//! The message types that a handler takes, as it is registered.

use std::any::TypeId;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::erased::{ErasedHandler, HandlerInput, HandlerOutput};
use super::group::HandlerKind;
use super::handle::{Answer, Handle, On, Receive};
use super::payload::{self, ENTRY_RECEIVED};
use super::registry::{Registration, Registry, Route, Source};
use crate::config::Declared;
use crate::model::{Aggregate, Command, Event, Projection, Query};

/// The message types of a command handler for `A`.
pub struct CommandRoutes<'r, A, H> {
    registration: &'r mut Registration,
    handler: Arc<H>,
    aggregate: PhantomData<fn() -> A>,
}

/// The message types of an event handler or projector.
pub struct EventRoutes<'r, H> {
    registration: &'r mut Registration,
    handler: Arc<H>,
}

/// What a subscriber takes of the entries of its stream.
pub struct PayloadRoutes<'r, H> {
    registration: &'r mut Registration,
    handler: Arc<H>,
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
    ) -> CommandRoutes<'_, A, H> {
        let registration = self.registration(name, HandlerKind::Commands);
        CommandRoutes { registration, handler: Arc::new(handler), aggregate: PhantomData }
    }

    /// A handler for events, of whichever aggregates.
    pub fn event_handler<H>(&mut self, name: &'static str, handler: H) -> EventRoutes<'_, H> {
        let registration = self.registration(name, HandlerKind::Events);
        EventRoutes { registration, handler: Arc::new(handler) }
    }

    /// A projector that keeps the projection `P`, which is registered with it.
    pub fn projector<P: Projection, H>(
        &mut self,
        name: &'static str,
        handler: H,
    ) -> EventRoutes<'_, H> {
        self.projection::<P>();
        let registration = self.registration(name, HandlerKind::Projector);
        EventRoutes { registration, handler: Arc::new(handler) }
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
    ) -> PayloadRoutes<'_, H> {
        let registration = self.registration(name, HandlerKind::Subscriber { broker: "default" });
        PayloadRoutes { registration, handler: Arc::new(handler), stream }
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
}

impl<A: Aggregate, H> CommandRoutes<'_, A, H> {
    /// Routes commands of this type to the handler.
    pub fn handles<C>(self) -> Self
    where
        C: Command<Aggregate = A>,
        H: Handle<C>,
    {
        let handler = Arc::clone(&self.handler);
        let call: ErasedHandler = Arc::new(move |input, context| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let command = input.take::<C>(C::NAME, &context)?;
                Ok(HandlerOutput::new(handler.handle(command, &context).await?))
            })
        });
        let source = Source::Aggregate(TypeId::of::<A>(), A::NAME);
        let message = (C::NAME, C::VERSION);
        self.registration.routes.push(Route { source, message, call });
        self
    }

    /// Sets what the code decides: `domain.toml` cannot change it.
    pub fn declare(self, declared: Declared) -> Self {
        self.registration.declared = declared;
        self
    }
}

impl<H> EventRoutes<'_, H> {
    /// Routes events of this type to the handler.
    pub fn on<E>(self) -> Self
    where
        E: Event,
        H: On<E>,
    {
        let handler = Arc::clone(&self.handler);
        let call: ErasedHandler = Arc::new(move |input, context| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let event = input.take::<E>(E::NAME, &context)?;
                handler.on(event, &context).await?;
                Ok(HandlerOutput::new(()))
            })
        });
        let source = if E::FACT { Source::Facts } else { Source::Aggregate };
        let source = source(TypeId::of::<E::Aggregate>(), E::Aggregate::NAME);
        let message = (E::NAME, E::VERSION);
        self.registration.routes.push(Route { source, message, call });
        self
    }

    /// Sets what the code decides: `domain.toml` cannot change it.
    pub fn declare(self, declared: Declared) -> Self {
        self.registration.declared = declared;
        self
    }
}

impl<H> PayloadRoutes<'_, H> {
    /// Takes each entry in this form; one that does not have it is a dead letter.
    pub fn receives<T>(self) -> Self
    where
        T: DeserializeOwned + Send + 'static,
        H: Receive<T>,
    {
        let handler = Arc::clone(&self.handler);
        let call: ErasedHandler = Arc::new(move |input, context| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let payload = match input {
                    HandlerInput::Json(json) => payload::read::<T>(&json)?,
                    value @ HandlerInput::Value(_) => value.take_value(ENTRY_RECEIVED.0)?,
                };
                handler.receive(payload, &context).await?;
                Ok(HandlerOutput::new(()))
            })
        });
        let source = Source::Stream(self.stream);
        self.registration.routes.push(Route { source, message: ENTRY_RECEIVED, call });
        self
    }

    /// Reads the stream of this broker: `[brokers.NAME]`.
    pub fn broker(self, name: &'static str) -> Self {
        self.registration.kind = HandlerKind::Subscriber { broker: name };
        self
    }

    /// Sets what the code decides: `domain.toml` cannot change it.
    pub fn declare(self, declared: Declared) -> Self {
        self.registration.declared = declared;
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
        let handler = Arc::clone(&self.handler);
        let call: ErasedHandler = Arc::new(move |input, context| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let query = input.take_value::<Q>(Q::NAME)?;
                Ok(HandlerOutput::fleeting(handler.answer(query, &context).await?))
            })
        });
        self.registry.query(TypeId::of::<Q>(), Q::NAME, call);
        self
    }
}
