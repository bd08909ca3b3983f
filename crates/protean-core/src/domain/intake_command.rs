//! A row of the intake becomes a command: checked as `process` checks one.

use std::any::TypeId;
use std::sync::Arc;

use protean_port::message::{Extensions, Id, Message, Priority, type_name};
use protean_port::port::{BoxFuture, IntakeEntry, IntakeRow, Store};
use protean_port::{Error, Result};
use uuid::Uuid;

use super::domain::Domain;
use super::repetition;
use crate::catalog::{Catalog, guarded, too_new};
use crate::handling::{HandlerKind, Handlers, Key};
use crate::model::{Aggregate, Command, Data};
use crate::nearest::hint;
use crate::unit::{Env, MessageContext, Timing, command_message};

/// A command that plain programs may enqueue, without its Rust type.
pub(super) struct IntakeCommand {
    pub(super) name: &'static str,
    version: u32,
    aggregate: TypeId,
    aggregate_name: &'static str,
    read: fn(&Env, &Id, &str, &MessageContext, Extensions) -> Result<Message>,
    repeats: for<'a> fn(&'a Env, &'a dyn Store, &'a str, &'a Message) -> BoxFuture<'a, Result>,
}

impl IntakeCommand {
    pub(super) fn of<C: Command>() -> Self {
        Self {
            name: C::NAME,
            version: C::VERSION,
            aggregate: TypeId::of::<C::Aggregate>(),
            aggregate_name: C::Aggregate::NAME,
            read: read::<C>,
            repeats: |env, store, first, again| {
                Box::pin(repetition::check::<C>(env, store, first, again))
            },
        }
    }

    /// Checks that a message repeats the command of this id.
    ///
    /// # Errors
    /// As [`repetition::check`] does.
    pub(super) async fn repeats(
        &self,
        env: &Env,
        store: &dyn Store,
        first: &str,
        again: &Message,
    ) -> Result {
        (self.repeats)(env, store, first, again).await
    }

    /// The data of a row in the present version of the command.
    fn present(&self, env: &Env, data: &str, version: u32) -> Result<String> {
        if version >= self.version {
            return match version == self.version {
                true => Ok(data.to_owned()),
                false => Err(Error::failed(too_new(self.name, version, self.version))),
            };
        }
        let names = env.catalog.is_registered(self.aggregate);
        let chain = names.and_then(|of| env.catalog.upcast_chain(&of.commands, self.name));
        let chain = chain.filter(|_| version > 0).ok_or_else(|| {
            let name = self.name;
            Error::failed(format!("{name} has no version {version}: leave the version out"))
        })?;
        chain.upcast(data, version)
    }
}

fn read<C: Command>(
    env: &Env,
    id: &Id,
    json: &str,
    cause: &MessageContext,
    extensions: Extensions,
) -> Result<Message> {
    let command: C = Data::of(json, env.config.lenient_deserialization).read(C::NAME)?;
    command.check().into_result()?;
    command_message(env, id, &command, cause, extensions)
}

/// What is wrong with the commands that plain programs may enqueue.
pub(super) fn check_intake(
    intake: &[IntakeCommand],
    catalog: &Catalog,
    handlers: &Handlers,
) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, command) in intake.iter().enumerate() {
        let IntakeCommand { name, aggregate, aggregate_name, .. } = command;
        let Some(names) = catalog.is_registered(*aggregate) else {
            faults.push(format!(
                "the intake takes {name} of {aggregate_name}, which is not registered: add \
                 `.aggregate::<{aggregate_name}>()`"
            ));
            continue;
        };
        let group = handlers.commands_of(&names.commands);
        let mut routes = group.into_iter().flat_map(|group| group.routes.keys());
        if !routes.any(|route| type_name::bare(route) == *name) {
            faults.push(format!(
                "the intake takes {name}, which has no handler: register one, or remove \
                 `.intake::<{name}>()`"
            ));
        }
        let is_other =
            |known: &&IntakeCommand| known.name == *name && known.aggregate != *aggregate;
        if let Some(other) = intake[..at].iter().find(is_other) {
            let other = other.aggregate_name;
            faults.push(format!(
                "the intake takes two commands called {name}, of {other} and of {aggregate_name}, \
                 which rows cannot tell apart: rename one"
            ));
        }
    }
    faults
}

impl Domain {
    /// The command in a row of the intake, and its message.
    ///
    /// # Errors
    /// Why the row cannot be taken.
    pub(super) fn enqueued(&self, row: &IntakeRow) -> Result<(&IntakeCommand, Message)> {
        let entry = &row.entry;
        if row.is_garbled {
            return Err(Error::failed("a part of the row is no text in UTF-8"));
        }
        let (command, version) = self.intake_command(entry)?;
        Uuid::try_parse(&entry.id).map_err(|_| {
            let id = &entry.id;
            Error::failed(format!("the id '{id}' is no UUID: leave it out, or make one"))
        })?;
        let priority = self.intake_priority(entry)?;
        let key = entry.key.clone().map(Key::expiring);
        key.as_ref().map_or(Ok(()), Key::check)?;
        let env = self.env();
        let timeout = self.config().command_default_timeout;
        let extensions = Extensions {
            deadline: Timing::default().deadline(env.now(), timeout),
            idempotency_key: key.map(|key| key.into_parts().0),
            ..Extensions::default()
        };
        let cause = MessageContext {
            priority,
            correlation_id: Arc::clone(&entry.id),
            causation_id: None,
            seed: None,
        };
        let id = Id::from(Arc::clone(&entry.id));
        let message = guarded(|| {
            let data = command.present(env, &entry.data, version)?;
            (command.read)(env, &id, &data, &cause, extensions)
        })?;
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
                "the type '{text}' is of the domain '{domain}', which has no group in this \
                 database; here it is '{own}'"
            )));
        }
        let intake = &self.shared().intake;
        if let Some(command) = intake.iter().find(|known| known.name == name) {
            return Ok((command, version.unwrap_or(command.version)));
        }
        let groups = self.groups().iter().filter(|group| group.kind == HandlerKind::Commands);
        let mut routes = groups.flat_map(|group| group.routes.keys());
        if routes.any(|route| type_name::bare(route) == name) {
            return Err(Error::failed(format!(
                "the type {name} is not allowed in the intake: add `.intake::<{name}>()` to the domain"
            )));
        }
        let known: Vec<&str> = intake.iter().map(|known| known.name).collect();
        let hint = hint(name, &known);
        Err(Error::failed(format!("the type '{text}' is no command of this domain{hint}")))
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
