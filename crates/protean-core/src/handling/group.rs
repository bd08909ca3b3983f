//! Groups: the consumers of one handler in one category.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use protean_port::message::type_name::split_version;
use protean_port::message::{Category, Message};
use protean_port::port::{Correlation, GroupRegistration, MessageTypes, Start, claim};

use super::erased::ErasedHandler;
use crate::catalog::DeclaredTable;
use crate::config::{Idempotency, Ordering, StartFrom, SubscriptionConfig};

/// What kind of handler a group belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandlerKind {
    /// Command handlers of one category.
    Commands,
    /// An event handler, which reacts to events in any way.
    Events,
    /// A projector, which keeps a projection.
    Projector,
    /// A process manager, which follows processes over several aggregates.
    Process,
    /// A subscriber to what other systems put into a stream of this broker.
    Subscriber {
        /// The broker's name, as in `[brokers.NAME]`.
        broker: &'static str,
    },
}

/// The consumers of one handler in one category.
#[derive(Clone)]
pub struct Group {
    /// `<domain>.<handler>`; for commands `<domain>.<Aggregate>Commands`. What runs for the group
    /// has its id in the ledger here, which is the same for most groups.
    pub name: Arc<str>,
    /// The handler's name; the names of all, when several share a category's commands.
    pub handler: String,
    /// What kind of handler it is.
    pub kind: HandlerKind,
    /// What a projector keeps.
    pub projection: Option<DeclaredTable>,
    /// The category it reads.
    pub category: Category,
    /// Its settings: retries, batch sizes, order, dead letters.
    pub subscription: SubscriptionConfig,
    /// The events that a process manager takes, which are copied into its category.
    pub correlations: Vec<Correlation>,
    /// It takes events of another domain: those have ids of their own.
    pub(crate) takes_external_events: bool,
    pub(crate) idempotency: Idempotency,
    pub(crate) routes: HashMap<Arc<str>, ErasedHandler>,
}

impl Group {
    /// The group under its id in the ledger.
    #[must_use]
    pub fn with_id(&self, id: Arc<str>) -> Self {
        Self { name: id, ..self.clone() }
    }

    /// True when it takes the messages of a stream strictly in order.
    pub fn is_ordered(&self) -> bool {
        self.kind != HandlerKind::Commands && self.subscription.ordering == Ordering::Stream
    }

    /// True when it has a part for this message, rather than passing over it.
    pub fn takes(&self, message: &Message) -> bool {
        *message.stream.category() == self.category && self.routes.contains_key(&message.type_name)
    }

    /// True when it passes over this message, since it has no part for any version of it.
    pub(crate) fn ignores(&self, message: &Message) -> bool {
        self.kind != HandlerKind::Commands && self.newest(&message.type_name).is_none()
    }

    /// True when it takes one message at a time: many streams may change one row.
    pub fn is_sequential(&self) -> bool {
        self.kind == HandlerKind::Projector
    }

    /// What a process claims to read for it: a handler has a group for each category.
    pub fn claim(&self) -> String {
        claim(&self.name, &self.category)
    }

    /// The newest version it takes of this message type, whatever the version of
    /// this one; none when it takes no such messages.
    pub(crate) fn newest(&self, type_name: &str) -> Option<u32> {
        let (stem, _) = split_version(type_name)?;
        let same = self.routes.keys().filter_map(|route| split_version(route));
        same.filter(|(route, _)| *route == stem).map(|(_, version)| version).max()
    }

    /// The message types it takes, each in its newest version.
    pub fn types(&self) -> MessageTypes {
        let is_newest = |route: &&Arc<str>| {
            let version = split_version(route).map(|(_, version)| version);
            version == self.newest(route)
        };
        self.routes.keys().filter(is_newest).cloned().collect()
    }

    /// How a store registers it. A new projector begins with the first message
    /// of the log, as commands do; a new event handler or subscriber with the next,
    /// since a deploy must not repeat to the outside what has long happened.
    pub fn registration(&self) -> GroupRegistration {
        let start = match (self.subscription.start_from, self.kind) {
            (Some(StartFrom::Beginning), _) => Start::Beginning,
            (Some(StartFrom::Head), _)
            | (None, HandlerKind::Events | HandlerKind::Process | HandlerKind::Subscriber { .. }) => {
                Start::Head
            }
            (None, HandlerKind::Commands | HandlerKind::Projector) => Start::Beginning,
        };
        GroupRegistration {
            correlations: self.correlations.clone(),
            ..GroupRegistration::new(&*self.name, self.category.clone(), start)
        }
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("name", &self.name).finish_non_exhaustive()
    }
}
