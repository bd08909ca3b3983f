//! Events and commands as a log holds them.

use protean_port::{Error, Result};
use serde::de::DeserializeOwned;

use super::Fields;
use crate::nearest::hint;

/// The fields of an event or a command as JSON, in the present version of its
/// type, and how strictly they are read.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    json: &'a str,
    lenient: bool,
}

impl<'a> Data<'a> {
    /// JSON that is read as strictly as a domain is configured.
    pub(crate) fn of(json: &'a str, lenient: bool) -> Self {
        Self { json, lenient }
    }

    /// JSON in which a field that the type does not have is an error.
    pub fn strict(json: &'a str) -> Self {
        Self { json, lenient: false }
    }

    /// JSON in which a field that the type does not have is passed over.
    pub fn lenient(json: &'a str) -> Self {
        Self { json, lenient: true }
    }

    /// The fields as they are stored.
    pub(crate) fn json(self) -> &'a str {
        self.json
    }

    /// The event or command of this name. A field that is missing and has no
    /// default is an error however it is read.
    ///
    /// # Errors
    /// When the JSON does not have the form of the type, or has a field that the
    /// type does not have.
    pub fn read<T: Fields + DeserializeOwned>(self, name: &str) -> Result<T> {
        if self.lenient {
            return serde_json::from_str(self.json).map_err(|error| unreadable(name, error));
        }
        let mut unknown = None;
        let mut json = serde_json::Deserializer::from_str(self.json);
        let read = serde_ignored::deserialize(&mut json, |path| {
            unknown.get_or_insert_with(|| path.to_string().replace("?.", ""));
        });
        let read: T = read
            .and_then(|read| json.end().map(|()| read))
            .map_err(|error| unreadable(name, error))?;
        unknown.map_or(Ok(read), |field| Err(unknown_field::<T>(name, &field)))
    }
}

fn unreadable(name: &str, error: serde_json::Error) -> Error {
    Error::failed(format!("the data of {name} does not fit its type")).with_source(error)
}

fn unknown_field<T: Fields>(name: &str, field: &str) -> Error {
    let known: Vec<&str> = T::RULES.iter().map(|rules| rules.name).collect();
    let hint = if field.contains('.') { String::new() } else { hint(field, &known) };
    Error::failed(format!(
        "the data of {name} has the unknown field '{field}'{hint}; set lenient_deserialization = \
         true to skip unknown fields"
    ))
}
