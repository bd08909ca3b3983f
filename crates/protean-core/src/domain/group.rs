//! Groups: the consumers of one handler in one category.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use protean_port::message::type_name::split_version;
use protean_port::message::{Category, Message};
use protean_port::port::{BoxFuture, GroupRegistration, Start};
use protean_port::{Error, Result};
use serde::de::DeserializeOwned;

use super::{Context, Failure, Handled};
use crate::config::{Idempotency, Ordering, StartFrom, SubscriptionConfig};
use crate::model::Fields;

/// What a handler is called with: as its JSON from a log, or as itself.
pub(crate) enum HandlerInput {
    Json(Arc<str>),
    Value(Box<dyn Any + Send>),
}

/// What a handler answered.
pub(crate) struct HandlerOutput {
    value: Box<dyn Any + Send>,
    json: fn(&dyn Any) -> serde_json::Result<String>,
}

impl HandlerOutput {
    pub(crate) fn new<T: serde::Serialize + Send + 'static>(value: T) -> Self {
        // The type is the one it was made with.
        let json = |value: &dyn Any| serde_json::to_string(&value.downcast_ref::<T>());
        Self { value: Box::new(value), json }
    }

    /// An answer that is handed over and kept nowhere.
    pub(crate) fn fleeting<T: Send + 'static>(value: T) -> Self {
        Self { value: Box::new(value), json: |_| Ok("null".to_owned()) }
    }

    /// The answer itself.
    pub(crate) fn take<T: 'static>(self, name: &str) -> Result<T> {
        let taken = self.value.downcast().map(|value| *value);
        let told = || Error::misused(format!("the handler of {name} gives another type of answer"));
        taken.map_err(|_| told())
    }

    pub(crate) fn to_json(&self, name: &str) -> Result<Arc<str>> {
        let json = (self.json)(&*self.value);
        let told =
            |error| Error::failed(format!("the answer to {name} is not JSON")).with_source(error);
        json.map(Arc::from).map_err(told)
    }
}

/// A handler's part for one message type.
pub(crate) type ErasedHandler =
    Arc<dyn Fn(HandlerInput, Context) -> BoxFuture<'static, Handled<HandlerOutput>> + Send + Sync>;

/// What kind of handler a group belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandlerKind {
    /// Command handlers of one category.
    Commands,
    /// An event handler.
    Events,
    /// A projector.
    Projector,
    /// A subscriber to what other systems put into a stream of this broker.
    Subscriber {
        /// The broker's name, as in `[brokers.NAME]`.
        broker: &'static str,
    },
}

/// The consumers of one handler in one category.
pub struct Group {
    /// `<domain>.<handler>`; for commands `<domain>.<Aggregate>Commands`.
    pub name: Arc<str>,
    /// The handler's name; the names of all, when several share a category's commands.
    pub handler: String,
    /// What kind of handler it is.
    pub kind: HandlerKind,
    /// The category it reads.
    pub category: Category,
    /// Its settings.
    pub subscription: SubscriptionConfig,
    pub(crate) idempotency: Idempotency,
    pub(crate) routes: HashMap<Arc<str>, ErasedHandler>,
}

impl Group {
    /// True when it takes the messages of a stream strictly in order.
    pub fn is_ordered(&self) -> bool {
        self.kind != HandlerKind::Commands && self.subscription.ordering == Ordering::Stream
    }

    /// True when it has a part for this message, rather than passing over it.
    pub fn takes(&self, message: &Message) -> bool {
        *message.stream.category() == self.category && self.routes.contains_key(&message.type_name)
    }

    /// True when it takes one message at a time: many streams may change one row.
    pub fn is_sequential(&self) -> bool {
        self.kind == HandlerKind::Projector
    }

    /// What a process claims to read for it: a handler has a group for each category.
    pub fn claim(&self) -> String {
        format!("{}@{}", self.name, self.category)
    }

    /// The newest version it takes of this message type, whatever the version of
    /// this one; none when it takes no such messages.
    pub(crate) fn newest(&self, type_name: &str) -> Option<u32> {
        let (stem, _) = split_version(type_name)?;
        let same = self.routes.keys().filter_map(|route| split_version(route));
        same.filter(|(route, _)| *route == stem).map(|(_, version)| version).max()
    }

    /// How it enters the ledger. A new projector begins with the first message
    /// of the log, as commands do; a new event handler or subscriber with the next,
    /// since a deploy must not repeat to the outside what has long happened.
    pub fn registration(&self) -> GroupRegistration {
        let start = match (self.subscription.start_from, self.kind) {
            (Some(StartFrom::Beginning), _) => Start::Beginning,
            (Some(StartFrom::Head), _)
            | (None, HandlerKind::Events | HandlerKind::Subscriber { .. }) => Start::Head,
            (None, HandlerKind::Commands | HandlerKind::Projector) => Start::Beginning,
        };
        GroupRegistration { group: self.name.to_string(), category: self.category.clone(), start }
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("name", &self.name).finish_non_exhaustive()
    }
}

impl HandlerInput {
    /// The message itself.
    ///
    /// # Errors
    /// A rejection when the JSON does not have the form of the type.
    pub(crate) fn take<T>(self, name: &str, context: &Context) -> Handled<T>
    where
        T: Fields + DeserializeOwned + Any,
    {
        match self {
            Self::Json(json) => {
                let read = context.unit().data(&json).read(name);
                read.map_err(|error| Failure::from(error).rejecting())
            }
            value @ Self::Value(_) => value.take_value(name),
        }
    }

    /// The message itself, which was handed over as a value.
    pub(crate) fn take_value<T: Any>(self, name: &str) -> Handled<T> {
        match self {
            Self::Value(value) => {
                value.downcast::<T>().map(|value| *value).map_err(|_| wrong_type(name))
            }
            Self::Json(_) => Err(wrong_type(name)),
        }
    }
}

fn wrong_type(name: &str) -> Failure {
    Failure::rejected(format!("{name} is of another type"))
}
