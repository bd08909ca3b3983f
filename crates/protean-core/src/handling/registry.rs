//! What is registered on the builder, before it is wired.

use std::any::TypeId;
use std::collections::HashMap;

use super::erased::ErasedHandler;
use super::group::HandlerKind;
use super::intake_command::IntakeCommand;
use super::recurring_command::RecurringCommand;
use crate::catalog::{Catalog, Upcaster};
use crate::config::Declared;
use crate::model::{Aggregate, Event, MessageType, Projection};
use crate::unit::{Enricher, SnapshotsOf, Storage};

/// Collects what a domain is made of: handlers enter themselves here, see
/// [`Register`](super::Register). `build()` wires it.
pub struct Registry {
    pub(crate) catalog: Catalog,
    pub(crate) registrations: Vec<Registration>,
    /// Events that no handler needs to take.
    pub(crate) events: Vec<(Source, MessageType)>,
    pub(crate) queries: HashMap<TypeId, ErasedHandler>,
    pub(crate) snapshots: HashMap<&'static str, SnapshotsOf>,
    pub(crate) upcasters: Vec<Upcaster>,
    pub(crate) recurring: Vec<RecurringCommand>,
    pub(crate) intake: Vec<IntakeCommand>,
    pub(crate) enrichers: Vec<Enricher>,
    pub(crate) faults: Vec<String>,
}

/// A handler as it was registered.
pub(crate) struct Registration {
    pub(crate) handler: &'static str,
    /// The type that it is, with the path of its module.
    pub(crate) type_path: &'static str,
    pub(crate) kind: HandlerKind,
    /// What a projector keeps.
    pub(crate) projection: Option<TypeId>,
    /// What a process manager keeps.
    pub(crate) processes: Option<TypeId>,
    pub(crate) declared: Declared,
    pub(crate) routes: Vec<Route>,
}

/// One message type of a registered handler.
pub(crate) struct Route {
    pub(crate) source: Source,
    pub(crate) message: MessageType,
    /// The names of the field that names the process, where it goes to one.
    pub(crate) by: &'static [&'static str],
    /// The event of another domain that it is for.
    pub(crate) external: Option<&'static str>,
    pub(crate) call: ErasedHandler,
}

/// Where messages come from.
pub(crate) enum Source {
    /// Commands or events of an aggregate.
    Aggregate(TypeId, &'static str),
    /// Facts of an aggregate.
    Facts(TypeId, &'static str),
    /// Entries of a broker's stream.
    Stream(&'static str),
}

impl Registration {
    pub(crate) fn new(handler: &'static str, type_path: &'static str, kind: HandlerKind) -> Self {
        let (projection, processes, declared, routes) = Default::default();
        Self { handler, type_path, kind, projection, processes, declared, routes }
    }
}

impl Source {
    pub(crate) fn of_event<E: Event>() -> Self {
        let source = if E::FACT { Self::Facts } else { Self::Aggregate };
        source(TypeId::of::<E::Aggregate>(), E::Aggregate::NAME)
    }
}

impl Registry {
    pub(crate) fn new(domain: &str) -> Self {
        Self {
            catalog: Catalog::new(domain),
            registrations: Vec::new(),
            events: Vec::new(),
            queries: HashMap::new(),
            snapshots: HashMap::new(),
            upcasters: Vec::new(),
            recurring: Vec::new(),
            intake: Vec::new(),
            enrichers: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Enters an aggregate; a second time changes nothing.
    pub(crate) fn aggregate<A>(&mut self)
    where
        A: Aggregate,
        A::Storage: Storage<A>,
    {
        self.catalog.aggregate::<A>();
        let snapshots = <A::Storage as Storage<A>>::snapshots();
        self.snapshots.extend(snapshots.map(|of| (A::NAME, of)));
    }

    /// Enters a projection; a second time changes nothing.
    pub(crate) fn projection<P: Projection>(&mut self) {
        self.catalog.projection::<P>();
    }

    pub(crate) fn event<E: Event>(&mut self) {
        self.events.push((Source::of_event::<E>(), MessageType::event::<E>()));
    }

    pub(crate) fn registration(
        &mut self,
        handler: &'static str,
        type_path: &'static str,
        kind: HandlerKind,
    ) -> &mut Registration {
        self.registrations.push(Registration::new(handler, type_path, kind));
        let last = self.registrations.len() - 1;
        &mut self.registrations[last]
    }

    pub(crate) fn query(&mut self, query: TypeId, name: &str, call: ErasedHandler) {
        if self.queries.insert(query, call).is_some() {
            self.faults.push(format!("the query {name} has two handlers: remove one"));
        }
    }
}
