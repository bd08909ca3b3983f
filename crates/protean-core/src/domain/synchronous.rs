//! Handling a command at once, in the task of its sender.

use std::marker::PhantomData;
use std::sync::Arc;

use protean_port::message::{Id, Lane, Message, Recorded};
use protean_port::port::{At, Delivery, KeyClaim, Store};
use protean_port::{Error, Result};

use super::dispatch::dispatch;
use super::domain::Domain;
use super::instance_queues::InstanceTurn;
use crate::handling::deliver::{Ran, Work, run};
use crate::handling::{
    Committed, Failure, Group, HandlerInput, KeptOutcome, NEVER, commit_settled, key_claim,
    repetition, retry_on_conflict,
};
use crate::model::Command;
use crate::unit::{ReadMode, ReadOptions, is_handling};

/// A command that was handled, or repeats one that was.
pub(super) struct HandledCommand<T> {
    /// The result of the first command with the same key.
    pub(super) id: Id,
    pub(super) output: T,
}

/// A command that is handled at once.
pub(super) struct Synchronous<'a, C> {
    domain: &'a Domain,
    store: &'a Arc<dyn Store>,
    group: &'a Group,
    /// It is not in the log yet, so it has no position.
    delivery: Delivery,
    command: PhantomData<fn(C)>,
}

impl<'a, C: Command> Synchronous<'a, C> {
    pub(super) async fn new(domain: &'a Domain, message: Message) -> Result<Self> {
        let group = domain
            .handlers()
            .commands_of(message.stream.category())
            .filter(|group| group.routes.contains_key(&message.type_name))
            .ok_or_else(|| {
                Error::misused(format!("{} has no handler: register a command handler", C::NAME))
            })?;
        let store = domain.store().await?;
        let recorded = Recorded { position: 0, stream_position: 0, message };
        let delivery = Delivery { recorded, next: 0, attempts: 0, parked: false };
        Ok(Self { domain, store, group, delivery, command: PhantomData })
    }

    pub(super) async fn handle(self, command: C) -> Result<HandledCommand<C::Output>> {
        if let Some(first) = self.holder_of_key().await? {
            return self.repeat(&first.message_id, first.output.as_deref()).await;
        }
        let turn = self.turn().await;
        let mut command = Some(command);
        let handling = retry_on_conflict(self.domain.config(), |mode| {
            let input = match command.take() {
                Some(command) => HandlerInput::Value(Box::new(command)),
                None => HandlerInput::Json(Arc::clone(&self.delivery.recorded.message.data)),
            };
            self.attempt(input, mode)
        });
        let (answer, committed) = handling.await?;
        drop(turn);
        match committed {
            Committed::Now(messages) => {
                let caused = messages.into_iter().skip(1).collect();
                dispatch(self.domain, self.store, caused).await?;
                Ok(HandledCommand { id: self.id(), output: answer })
            }
            Committed::Before { message_id, output } => {
                self.repeat(&message_id, output.as_deref()).await
            }
        }
    }

    /// The answer to the command that came first, when this one repeats it.
    async fn repeat(&self, first: &str, output: Option<&str>) -> Result<HandledCommand<C::Output>> {
        let again = &self.delivery.recorded.message;
        repetition::check::<C>(self.domain.env(), &**self.store, first, again).await?;
        Ok(HandledCommand { id: first.into(), output: self.answer_of(first, output)? })
    }

    fn id(&self) -> Id {
        Arc::clone(&self.delivery.recorded.message.id).into()
    }

    /// Waits for earlier commands to the same instance. A command that a handler waits for does not
    /// wait: two handlers could wait for each other.
    async fn turn(&self) -> Option<InstanceTurn<'_>> {
        if is_handling() {
            return None;
        }
        let instance = self.delivery.recorded.message.stream.name();
        Some(self.domain.shared().instance_queues.wait(instance).await)
    }

    /// The earlier command with the same idempotency key; if there is one, this one does not run.
    async fn holder_of_key(&self) -> Result<Option<KeyClaim>> {
        match key_claim(&self.delivery.recorded.message, NEVER) {
            // A key that is the command's own id belongs to no other command.
            Some(claim) if claim.key != claim.message_id => {
                self.store.known(&claim.command, &claim.key, claim.time).await
            }
            _ => Ok(None),
        }
    }

    /// Runs the handler and commits its changes together with the command. A failure stores
    /// nothing: the caller gets the error.
    async fn attempt(&self, input: HandlerInput, mode: ReadMode) -> Result<(C::Output, Committed)> {
        let (domain, store, group) = (self.domain, self.store, self.group);
        let lane = domain.lanes().lane(self.delivery.recorded.message.priority);
        step_begins(domain, lane);
        let work = Work::submitted(&self.delivery, input, ReadOptions { overlay: None, mode });
        let Ran { verdict, answer, .. } = run(domain.env(), store, group, work).await;
        let answer = answer.ok_or_else(|| expired(C::NAME))?.map_err(Failure::into_error)?;
        let answer = answer.take(C::NAME)?;
        let at = At::Appended(0);
        step_begins(domain, lane);
        let committed =
            commit_settled(domain.env(), &**store, group, &self.delivery, verdict, at).await?;
        if let Committed::Before { message_id, .. } = &committed {
            let holder = self.holder_of_key().await?;
            if holder.is_none_or(|holder| holder.message_id != *message_id) {
                // It holds the key of a command that the handler has issued.
                return Err(Committed::claimed_meanwhile(message_id));
            }
        }
        Ok((answer, committed))
    }

    /// The answer to the command that came first with the same idempotency key.
    fn answer_of(&self, message_id: &str, output: Option<&str>) -> Result<C::Output> {
        let kept = output.map(KeptOutcome::read);
        let Some(KeptOutcome::Handled(output)) = kept else {
            let text = match kept.and_then(|failed| failed.failure()) {
                None => "is queued and not handled yet: try again later".into(),
                Some(failure) => {
                    format!("{failure}; the key is free again after `idempotency.error_ttl`")
                }
            };
            return Err(Error::conflict(format!("{} {message_id} {text}", C::NAME)));
        };
        serde_json::from_str(&output).map_err(|error| {
            Error::failed(format!("the stored answer to {} {message_id} cannot be read", C::NAME))
                .with_source(error)
        })
    }
}

/// Makes bulk work yield to a step of this lane.
pub(super) fn step_begins(domain: &Domain, lane: Lane) {
    if lane == Lane::Primary {
        domain.env().production_begins();
    }
}

pub(super) fn expired(name: &str) -> Error {
    Error::expired(format!("the deadline of {name} has passed"))
}
