//! Upcasters: how messages of old versions get the form of the next.

use std::collections::BTreeMap;

use protean_port::message::Kind;
use protean_port::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Aggregate;

/// An event or a command, as something that has versions. `#[event]` and
/// `#[command]` implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither an event nor a command",
    note = "declare it with `#[event(part_of = Aggregate)]` or `#[command(part_of = Aggregate)]`"
)]
pub trait Versioned: 'static {
    /// The aggregate it belongs to.
    type Aggregate: Aggregate;

    /// What it is called, and the version of its form.
    const FORM: Form;
}

/// What a message is called, and the version of its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// Whether it is an event or a command.
    pub kind: Kind,
    /// The name in message types.
    pub name: &'static str,
    /// The version, from 1.
    pub version: u32,
}

/// A step from one version of an event or a command to the next. A message that
/// was written before takes every step up to the present version when it is
/// read, by a handler or in a replay; what the log holds never changes.
pub trait Upcast: Send + Sync + 'static {
    /// The event or command, in its present version.
    type Message: Versioned;

    /// The version it takes; it gives the next one.
    const FROM: u32;

    /// Brings the fields into the form of the next version.
    ///
    /// # Errors
    /// When the fields are not those of the version: the message cannot be read.
    fn upcast(data: &mut MessageData) -> Result;
}

/// The fields of a message of an old version. Numbers keep every digit.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub struct MessageData(BTreeMap<String, Box<RawValue>>);

impl MessageData {
    /// The value of a field; none when it is not there.
    ///
    /// # Errors
    /// When the field holds something else.
    pub fn get<T: DeserializeOwned>(&self, field: &str) -> Result<Option<T>> {
        let read = self.0.get(field).map(|value| serde_json::from_str(value.get()));
        read.transpose().map_err(|error| Error::failed(format!("the field '{field}': {error}")))
    }

    /// Gives a field a value, in place of the one it has.
    ///
    /// # Errors
    /// When the value is none that JSON can hold.
    pub fn set(&mut self, field: &str, value: &(impl Serialize + ?Sized)) -> Result {
        let value = serde_json::value::to_raw_value(value)
            .map_err(|error| Error::failed(format!("the field '{field}': {error}")))?;
        self.0.insert(field.to_owned(), value);
        Ok(())
    }

    /// Takes a field away; nothing happens when it is not there.
    pub fn remove(&mut self, field: &str) {
        self.0.remove(field);
    }

    /// Gives a field another name; nothing happens when it is not there.
    pub fn rename(&mut self, field: &str, name: &str) {
        if let Some(value) = self.0.remove(field) {
            self.0.insert(name.to_owned(), value);
        }
    }
}
