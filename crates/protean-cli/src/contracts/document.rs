//! The document: one schema for each published event and each command.

use std::collections::BTreeMap;

use protean::Domain;
use protean::message::{Category, type_name};
use protean::model::MessageType;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::schema;
use crate::{Error, Result};

/// The version of this layout.
const LAYOUT: u32 = 1;

/// The contracts of a domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Document {
    /// The version of the layout.
    contracts: u32,
    pub(crate) domain: String,
    /// The published events, as `Account.AccountOpened`.
    pub(crate) events: BTreeMap<String, Contract>,
    /// The commands, as `Account.OpenAccount`.
    pub(crate) commands: BTreeMap<String, Contract>,
}

/// The form of a message in its present version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Contract {
    /// The type with its version: `Bank.AccountOpened.v2`.
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    pub(crate) version: u32,
    /// The stream that an event is published to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) stream: Option<String>,
    /// A JSON Schema of its data.
    pub(crate) schema: Value,
}

impl Document {
    /// The contracts of a domain. Process managers have none: they are its own business.
    pub(crate) fn of(domain: &Domain) -> Self {
        let (mut events, mut commands) = (BTreeMap::new(), BTreeMap::new());
        let catalog = domain.catalog();
        let is_strict = !domain.config().lenient_deserialization;
        for aggregate in catalog.aggregates().filter(|known| !known.is_process) {
            let category = aggregate.category;
            let key = |message: &MessageType| format!("{}.{}", aggregate.name, message.name);
            for stream in [category.clone(), category.facts()] {
                let published = catalog.types_of(&stream).filter(|known| known.is_published);
                for event in newest(published) {
                    // Readers pass over fields that they do not know.
                    let contract = Contract::of(domain, event, Some(&stream), false);
                    events.insert(key(event), contract);
                }
            }
            for command in newest(catalog.types_of(&category.commands())) {
                commands.insert(key(command), Contract::of(domain, command, None, is_strict));
            }
        }
        Self { contracts: LAYOUT, domain: domain.name().to_owned(), events, commands }
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// When it is not such a document.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let not_one = || Error::usage("it is not a document of 'contracts export'");
        let document: Self =
            serde_json::from_str(text).map_err(|error| not_one().caused_by(&error))?;
        match document.contracts {
            LAYOUT => Ok(document),
            other => Err(not_one().advice(format!(
                "its layout is {other}, and this program reads layout {LAYOUT}: use the newer program"
            ))),
        }
    }

    /// The text of a file.
    ///
    /// # Errors
    /// Never, in fact: all of it is JSON.
    pub(crate) fn text(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }
}

impl Contract {
    fn of(
        domain: &Domain,
        message: &MessageType,
        stream: Option<&Category>,
        is_closed: bool,
    ) -> Self {
        let type_name = type_name::join(domain.name(), message.name, message.version).to_string();
        let schema = schema::of(message, &type_name, is_closed);
        let stream = stream.map(ToString::to_string);
        Self { type_name, version: message.version, stream, schema }
    }

    /// The type without its version.
    pub(crate) fn stem(&self) -> &str {
        type_name::split_version(&self.type_name).map_or(&self.type_name, |(stem, _)| stem)
    }
}

/// The newest version of each message, by name; several types may read one message.
fn newest<'t>(
    types: impl Iterator<Item = &'t MessageType>,
) -> impl Iterator<Item = &'t MessageType> {
    let mut newest: BTreeMap<&str, &MessageType> = BTreeMap::new();
    for message in types {
        let known = newest.entry(message.name).or_insert(message);
        if message.version > known.version {
            *known = message;
        }
    }
    newest.into_values()
}
