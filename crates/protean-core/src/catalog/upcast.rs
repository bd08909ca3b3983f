//! Bringing messages of old versions into the present form.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use protean_port::message::Category;
use protean_port::{Error, Result};

use crate::model::{Aggregate, Form, MessageData, Upcast, Versioned};

/// Brings the fields of one version into the form of the next.
pub(crate) type UpcastFn = fn(&mut MessageData) -> Result;

/// An upcaster as it was registered.
#[derive(Debug)]
pub(crate) struct Upcaster {
    /// The aggregate whose message it is, and its name for errors.
    pub(crate) aggregate: (TypeId, &'static str),
    pub(crate) form: Form,
    /// The version it takes.
    pub(crate) from: u32,
    pub(crate) upcast: UpcastFn,
}

impl Upcaster {
    pub(crate) fn of<U: Upcast>() -> Self {
        type Of<U> = <<U as Upcast>::Message as Versioned>::Aggregate;
        let aggregate = (TypeId::of::<Of<U>>(), <Of<U> as Aggregate>::NAME);
        Self { aggregate, form: U::Message::FORM, from: U::FROM, upcast: U::upcast }
    }
}

/// The upcasters of one message type, from the first version to the present one.
#[derive(Debug)]
pub(crate) struct UpcastChain {
    pub(crate) name: String,
    pub(crate) steps: Vec<UpcastFn>,
}

/// The chains of a category by the names of the message types.
pub(crate) type UpcastChains = HashMap<Category, HashMap<String, Arc<UpcastChain>>>;

impl UpcastChain {
    /// The data of a message of version `from`, in the present version.
    ///
    /// # Errors
    /// When the data is not a JSON object, or an upcaster cannot take it.
    pub(crate) fn upcast(&self, json: &str, from: u32) -> Result<String> {
        let failed = |version: u32, error| {
            let (name, next) = (&self.name, version + 1);
            let text = format!("version {version} of {name} cannot be upcast to version {next}");
            Error::failed(text).with_source(error)
        };
        let mut data: MessageData = serde_json::from_str(json)
            .map_err(|error| failed(from, Error::failed(error.to_string())))?;
        for (version, step) in (1..).zip(&self.steps).filter(|(version, _)| *version >= from) {
            step(&mut data).map_err(|error| failed(version, error))?;
        }
        serde_json::to_string(&data).map_err(|error| Error::failed(error.to_string()))
    }
}

/// What is wrong with a message of a version that this program does not know.
pub(crate) fn too_new(name: &str, found: u32, known: u32) -> String {
    format!(
        "{name} is at version {found}, this program reads up to version {known}: deploy a newer one"
    )
}
