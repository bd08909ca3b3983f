//! Handlers without their types, so that one map can hold all of them.

use std::any::Any;
use std::sync::Arc;

use protean_port::port::BoxFuture;
use protean_port::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::{Failure, Handled};
use crate::model::Fields;
use crate::unit::Context;

/// Calls the second handler with what the first passes over.
pub(crate) fn either(first: ErasedHandler, second: ErasedHandler) -> ErasedHandler {
    Arc::new(move |input, context| {
        let (first, second) = (Arc::clone(&first), Arc::clone(&second));
        Box::pin(async move {
            let HandlerInput::Json(json) = &input else { return first(input, context).await };
            let again = HandlerInput::Json(Arc::clone(json));
            let output = first(input, context.clone()).await?;
            if output.is_passed_over { second(again, context).await } else { Ok(output) }
        })
    })
}

/// What a handler is called with: as its JSON from a log, or as itself.
pub(crate) enum HandlerInput {
    Json(Arc<str>),
    Value(Box<dyn Any + Send>),
}

/// What a handler answered.
pub(crate) struct HandlerOutput {
    value: Box<dyn Any + Send>,
    json: fn(&dyn Any) -> serde_json::Result<String>,
    /// The handler has nothing to do about this message.
    pub(crate) is_passed_over: bool,
}

impl HandlerOutput {
    pub(crate) fn new<T: Serialize + DeserializeOwned + Send + 'static>(value: T) -> Self {
        let json = |value: &dyn Any| {
            // The type is the one it was made with.
            let json = serde_json::to_string(&value.downcast_ref::<T>())?;
            // A command that is sent again is answered from it.
            serde_json::from_str::<T>(&json).map(|_| json)
        };
        Self { value: Box::new(value), json, is_passed_over: false }
    }

    /// An answer that is handed over and kept nowhere.
    pub(crate) fn fleeting<T: Send + 'static>(value: T) -> Self {
        let json = |_: &dyn Any| Ok("null".to_owned());
        Self { value: Box::new(value), json, is_passed_over: false }
    }

    /// That of a handler that has nothing to do about this message.
    pub(crate) fn passed_over() -> Self {
        Self { is_passed_over: true, ..Self::fleeting(()) }
    }

    /// The answer in its own type.
    pub(crate) fn take<T: 'static>(self, name: &str) -> Result<T> {
        let taken = self.value.downcast().map(|value| *value);
        taken.map_err(|_| {
            Error::misused(format!("the handler of {name} returned another type than declared"))
        })
    }

    pub(crate) fn to_json(&self, name: &str) -> Result<Arc<str>> {
        let json = (self.json)(&*self.value);
        json.map(Arc::from).map_err(|error| {
            Error::failed(format!("the answer to {name} cannot be kept as JSON and read back"))
                .with_source(error)
        })
    }
}

/// A handler's part for one message type.
pub(crate) type ErasedHandler =
    Arc<dyn Fn(HandlerInput, Context) -> BoxFuture<'static, Handled<HandlerOutput>> + Send + Sync>;

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
    Failure::rejected(format!("{name} is not of the type that its handler takes"))
}
