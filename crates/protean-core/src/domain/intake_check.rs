//! Turns a row of the intake into a command, with the same checks as `process`.

use std::sync::Arc;

use protean_port::message::{Extensions, Message, Metadata, Priority, type_name};
use protean_port::port::{IntakeEntry, IntakeRow};
use protean_port::{Error, Result};
use uuid::Uuid;

use super::domain::Domain;
use crate::handling::{HandlerKind, IntakeCommand};
use crate::nearest::hint;
use crate::unit::{Enrichment, Key, MessageContext, Timing};

impl Domain {
    /// The command in a row of the intake, and its message.
    ///
    /// # Errors
    /// When the row cannot be taken: the reason.
    pub(super) fn enqueued(&self, row: &IntakeRow) -> Result<(&IntakeCommand, Message)> {
        let entry = &row.entry;
        if row.is_garbled {
            return Err(Error::failed("a column of the row is not valid UTF-8"));
        }
        let (command, version) = self.intake_command(entry)?;
        Uuid::try_parse(&entry.id).map_err(|_| {
            let id = &entry.id;
            Error::failed(format!("the id '{id}' is not a UUID: leave it out, or generate one"))
        })?;
        let priority = self.intake_priority(entry)?;
        let key = entry.key.clone().map(Key::expiring);
        key.as_ref().map_or(Ok(()), Key::check)?;
        let env = self.env();
        let timeout = self.config().command_default_timeout;
        let extensions = Extensions {
            deadline: Timing::default().deadline(env.now(), timeout),
            ..Key::extensions(key.as_ref())
        };
        let mut enrichment = Enrichment::by(&env.enrichers);
        enrichment.extend(&inserted(entry)?);
        enrichment.metadata.check()?;
        let cause = MessageContext {
            priority,
            correlation_id: Arc::clone(&entry.id),
            causation_id: None,
            seed: None,
            time: None,
            enrichment,
        };
        let message = command.message(env, entry, version, &cause, extensions)?;
        Ok((command, message))
    }

    /// The command that a row names, and the version of its data.
    fn intake_command(&self, entry: &IntakeEntry) -> Result<(&IntakeCommand, u32)> {
        let text = &*entry.type_name;
        let (stem, version) = match type_name::split_version(text) {
            Some((stem, version)) => (stem, Some(version)),
            None => (text, None),
        };
        let (own, name) = (type_name::domain(self.name()), type_name::bare(stem));
        let (domain, name) = match stem.split_once('.') {
            Some((domain, name)) => (Some(domain), name),
            None => (None, name),
        };
        if let Some(domain) = domain.filter(|domain| *domain != own) {
            return Err(Error::failed(format!(
                "the type '{text}' belongs to the domain '{domain}', which does not use this \
                 database; this domain is '{own}'"
            )));
        }
        let intake = &self.handlers().intake;
        if let Some(command) = intake.iter().find(|known| known.name == name) {
            return Ok((command, version.unwrap_or(command.version)));
        }
        let groups = self.groups().iter().filter(|group| group.kind == HandlerKind::Commands);
        let mut routes = groups.flat_map(|group| group.routes.keys());
        if routes.any(|route| type_name::bare(route) == name) {
            return Err(Error::failed(format!(
                "the type {name} is not allowed in the intake: add \
                 `.register(Intake::takes::<{name}>())`"
            )));
        }
        let known: Vec<&str> = intake.iter().map(|known| known.name).collect();
        let hint = hint(name, &known);
        Err(Error::failed(format!("the type '{text}' is not a command of this domain{hint}")))
    }

    fn intake_priority(&self, entry: &IntakeEntry) -> Result<Priority> {
        let (found, highest) = (entry.priority, self.config().intake.max_priority);
        match i32::try_from(found) {
            Ok(priority) if priority <= highest => Ok(Priority::new(priority)),
            Err(_) if found < 0 => {
                Err(Error::failed(format!("the priority {found} is below {}", i32::MIN)))
            }
            _ => Err(Error::failed(format!(
                "the priority {found} is above intake.max_priority = {highest}: lower it, or raise \
                 the setting"
            ))),
        }
    }
}

/// The metadata that the inserting program has given.
fn inserted(entry: &IntakeEntry) -> Result<Enrichment> {
    let Some(json) = &entry.metadata else { return Ok(Enrichment::default()) };
    let metadata: Metadata = serde_json::from_str(json).map_err(|error| {
        Error::failed("the metadata must be a JSON object whose values are strings")
            .with_source(error)
    })?;
    Ok(Enrichment { metadata, traceparent: None })
}
