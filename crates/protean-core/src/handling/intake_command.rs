//! A command that plain programs may enqueue, without its Rust type.

use std::any::TypeId;
use std::sync::Arc;

use protean_port::message::{Extensions, Id, Message};
use protean_port::port::{BoxFuture, IntakeEntry, Store};
use protean_port::{Error, Result};

use super::repetition;
use crate::catalog::{guarded, too_new};
use crate::model::{Aggregate, Command, Data};
use crate::unit::{Env, MessageContext, command_message};

/// A command that plain programs may enqueue, without its Rust type.
pub(crate) struct IntakeCommand {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) aggregate: TypeId,
    pub(crate) aggregate_name: &'static str,
    read: fn(&Env, &Id, &str, &MessageContext, Extensions) -> Result<Message>,
    repeats: for<'a> fn(&'a Env, &'a dyn Store, &'a str, &'a Message) -> BoxFuture<'a, Result>,
}

impl IntakeCommand {
    pub(crate) fn of<C: Command>() -> Self {
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
    pub(crate) async fn repeats(
        &self,
        env: &Env,
        store: &dyn Store,
        first: &str,
        again: &Message,
    ) -> Result {
        (self.repeats)(env, store, first, again).await
    }

    /// The message of a row whose data has this version.
    ///
    /// # Errors
    /// When the data does not have the form of the command, or breaks its rules.
    pub(crate) fn message(
        &self,
        env: &Env,
        row: &IntakeEntry,
        version: u32,
        cause: &MessageContext,
        extensions: Extensions,
    ) -> Result<Message> {
        let id = Id::from(Arc::clone(&row.id));
        guarded(|| {
            let data = self.present(env, &row.data, version)?;
            (self.read)(env, &id, &data, cause, extensions)
        })
    }

    /// The data of a row, upcast to the current version of the command.
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
