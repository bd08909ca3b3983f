//! What handlers say when they are registered.

use std::any::TypeId;
use std::marker::PhantomData;
use std::sync::Arc;

use super::group::{Answered, Call, HandlerKind};
use super::{Answer, Handle, On, Registry};
use crate::config::Declared;
use crate::model::{Aggregate, Command, Event, Projection, Query};

/// A handler as it was registered.
pub(crate) struct Registration {
    pub(crate) handler: &'static str,
    pub(crate) kind: HandlerKind,
    pub(crate) declared: Declared,
    pub(crate) routes: Vec<Route>,
}

/// One message type of a registered handler.
pub(crate) struct Route {
    pub(crate) aggregate: (TypeId, &'static str),
    pub(crate) message: (&'static str, u32),
    /// True when the message is told in the category of facts.
    pub(crate) fact: bool,
    pub(crate) call: Call,
}

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
    /// Takes this command.
    pub fn handles<C>(self) -> Self
    where
        C: Command<Aggregate = A>,
        H: Handle<C>,
    {
        let handler = Arc::clone(&self.handler);
        let call: Call = Arc::new(move |input, context| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let command = input.take::<C>(C::NAME, &context)?;
                Ok(Answered::new(handler.handle(command, &context).await?))
            })
        });
        let aggregate = (TypeId::of::<A>(), A::NAME);
        let message = (C::NAME, C::VERSION);
        self.registration.routes.push(Route { aggregate, message, fact: false, call });
        self
    }

    /// Settings that `domain.toml` cannot change.
    pub fn declare(self, declared: Declared) -> Self {
        self.registration.declared = declared;
        self
    }
}

impl<H> EventRoutes<'_, H> {
    /// Takes this event.
    pub fn on<E>(self) -> Self
    where
        E: Event,
        H: On<E>,
    {
        let handler = Arc::clone(&self.handler);
        let call: Call = Arc::new(move |input, context| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let event = input.take::<E>(E::NAME, &context)?;
                handler.on(event, &context).await?;
                Ok(Answered::new(()))
            })
        });
        let aggregate = (TypeId::of::<E::Aggregate>(), E::Aggregate::NAME);
        let message = (E::NAME, E::VERSION);
        self.registration.routes.push(Route { aggregate, message, fact: E::FACT, call });
        self
    }

    /// Settings that `domain.toml` cannot change.
    pub fn declare(self, declared: Declared) -> Self {
        self.registration.declared = declared;
        self
    }
}

impl<H> QueryRoutes<'_, H> {
    /// Answers this query.
    pub fn answers<Q>(self) -> Self
    where
        Q: Query,
        H: Answer<Q>,
    {
        let handler = Arc::clone(&self.handler);
        let call: Call = Arc::new(move |input, context| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let query = input.take_value::<Q>(Q::NAME)?;
                Ok(Answered::fleeting(handler.answer(query, &context).await?))
            })
        });
        self.registry.query(TypeId::of::<Q>(), Q::NAME, call);
        self
    }
}
