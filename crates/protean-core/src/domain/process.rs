//! Processing one command.

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use protean_port::message::{Extensions, Id, Lane, Message, Priority, Recorded, Timestamp};
use protean_port::port::{
    Append, At, BoxFuture, Changes, Delivery, Expect, KeyClaim, KeyWrite, Store,
};
use protean_port::{Error, Result};

use super::dispatch::dispatch;
use super::domain::Domain;
use super::instance_queues::InstanceTurn;
use super::scheduled::scheduled;
use crate::config::Processing;
use crate::handling::deliver::{Ran, Work, run};
use crate::handling::{
    Committed, Failure, Group, HandlerInput, Key, NEVER, commit, commit_settled, key_claim,
    repetition, retry_on_conflict,
};
use crate::model::{Command, Start};
use crate::unit::{ReadMode, ReadOptions, Timing, command_message, is_handling};

/// A command that is ready to be processed: say how, then `.await`.
///
/// Awaited as it is, it goes the way `command_processing` says. Dropping the
/// future before it ends may leave the command kept and handled, or not;
/// an [`idempotency_key`](Self::idempotency_key) makes sending it again safe.
#[must_use = "nothing is processed until this is awaited"]
pub struct Process<C> {
    domain: Domain,
    command: C,
    options: Options,
}

/// How a command is to be processed.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub(super) priority: Option<Priority>,
    pub(super) correlation_id: Option<Arc<str>>,
    pub(super) key: Option<Key>,
    pub(super) timing: Timing,
}

/// What processing a command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Processed<T> {
    /// It was handled; this is the answer of its handler.
    Handled(T),
    /// It is in the log under this id; a server handles it later.
    Queued(Id),
}

impl<T> Processed<T> {
    /// The answer, when the command was handled; none when it is queued.
    pub fn handled(self) -> Option<T> {
        match self {
            Self::Handled(answer) => Some(answer),
            Self::Queued(_) => None,
        }
    }
}

impl Domain {
    /// Processes a command, now or later, as `command_processing` says.
    pub fn process<C: Command>(&self, command: C) -> Process<C> {
        Process { domain: self.clone(), command, options: Options::of(self) }
    }
}

impl Options {
    /// Those of a caller who says nothing: the scope around it counts, not that of the task
    /// that polls later.
    pub(super) fn of(domain: &Domain) -> Self {
        Self { priority: Some(domain.priority()), ..Self::default() }
    }
}

impl<C: Command> Process<C> {
    /// Sets the priority; without it that of the handle or of the scope counts.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.options.priority = Some(priority);
        self
    }

    /// Joins the chain of this correlation id; without it the command begins its own.
    pub fn correlation_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.options.correlation_id = Some(id.into());
        self
    }

    /// With this idempotency key: of the commands of one type with the same key only the first is
    /// taken in. Sent again with other content it is refused with an
    /// [invalid](Error::is_invalid) that names both values. What was made anew for each attempt
    /// does not count: an [`Id::new`] of the last two seconds, and a moment that is as far from the
    /// sending as before.
    ///
    /// The key holds until the command is handled, and then for `idempotency.ttl`.
    pub fn idempotency_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.options.key = Some(Key::expiring(key));
        self
    }

    /// The same, with a key that holds for ever.
    pub fn permanent_idempotency_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.options.key = Some(Key::permanent(key));
        self
    }

    /// Sets a deadline: after this moment the command is not handled any more.
    pub fn deadline(mut self, deadline: Timestamp) -> Self {
        self.options.timing.deadline = Some(deadline);
        self
    }

    /// Sets a deadline this far from now, by the domain's clock; of a command that is scheduled,
    /// from when it is due.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timing.timeout = Some(timeout);
        self
    }

    /// Schedules the command for this moment: it is kept apart until then, and gets its place in
    /// the log when it is due. [`ScheduledMessages`](super::ScheduledMessages) cancels it.
    pub fn at(mut self, moment: Timestamp) -> Self {
        self.options.timing.start = Some(Start::At(moment));
        self
    }

    /// The same, so long from now by the clock of the database.
    pub fn after(mut self, delay: Duration) -> Self {
        self.options.timing.start = Some(Start::After(delay));
        self
    }

    /// Appends the command to the log, for a server to handle. Gives its id; for an
    /// idempotency key that is taken, the id of the command that came first.
    ///
    /// # Errors
    /// When the command breaks the rules of its fields, its deadline has
    /// passed, or the store cannot be written.
    pub async fn asynchronous(self) -> Result<Id> {
        let Self { domain, command, options } = self;
        let store = domain.store().await?;
        let due = options.timing.due(domain.env());
        let mut changes = queued_for(&domain, &command, &options, due)?;
        let id = Id::from(Arc::clone(&changes.appends[0].message.id));
        let lane = changes.lane;
        let again = options.key.is_some().then(|| changes.appends[0].message.clone());
        if let Some(due) = due {
            changes = scheduled(changes, due);
        }
        step_begins(&domain, lane);
        let committed = commit(domain.env(), &**store, changes).await;
        // Its handling begins.
        step_begins(&domain, lane);
        match committed? {
            Committed::Now(_) => Ok(id),
            Committed::Before { message_id, .. } => {
                if let Some(again) = &again {
                    repetition::check::<C>(domain.env(), &**store, &message_id, again).await?;
                }
                Ok(message_id.into())
            }
        }
    }

    /// Handles the command now, in this task: command, changes and events
    /// commit together, then `event_processing` says how the events go on.
    ///
    /// # Errors
    /// What the handler gave; a conflict that further tries did not resolve;
    /// a store that cannot be written. With [`Error::committed`] the command
    /// was handled and kept, and the handler of an event failed afterwards.
    pub async fn synchronous(self) -> Result<C::Output> {
        let Self { domain, command, options } = self;
        if options.timing.start.is_some() {
            return Err(Error::misused(
                "a command that is scheduled cannot be handled at once: call `asynchronous`, or leave \
                 out `at` and `after`",
            ));
        }
        let message = message(&domain, &command, &options, None)?;
        Synchronous::<C>::new(&domain, message).await?.handle(command).await
    }
}

impl<C: Command> IntoFuture for Process<C> {
    type Output = Result<Processed<C::Output>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            match self.domain.config().command_processing {
                Processing::Sync if self.options.timing.start.is_none() => {
                    self.synchronous().await.map(Processed::Handled)
                }
                _ => self.asynchronous().await.map(Processed::Queued),
            }
        })
    }
}

/// A unit that only appends the command.
pub(super) fn queued<C: Command>(
    domain: &Domain,
    command: &C,
    options: &Options,
) -> Result<Changes> {
    queued_for(domain, command, options, None)
}

/// The same for a command that is due at this moment.
fn queued_for<C: Command>(
    domain: &Domain,
    command: &C,
    options: &Options,
    due: Option<Timestamp>,
) -> Result<Changes> {
    let message = message(domain, command, options, due)?;
    let mut changes = Changes::new(domain.lanes().lane(message.priority));
    // The key is held until the command is handled, however long that takes.
    changes.keys.extend(key_claim(&message, None, NEVER).map(KeyWrite::Claim));
    changes.appends.push(Append { message, expect: Expect::End });
    Ok(changes)
}

/// A command as a message, checked.
fn message<C: Command>(
    domain: &Domain,
    command: &C,
    options: &Options,
    due: Option<Timestamp>,
) -> Result<Message> {
    command.check().into_result()?;
    let made = due.unwrap_or_else(|| domain.clock().now());
    let deadline = options.timing.deadline(made, domain.config().command_default_timeout);
    if deadline.is_some_and(|deadline| deadline < made) {
        return Err(expired(C::NAME));
    }
    let id = Id::new();
    let correlation_id = options.correlation_id.clone().unwrap_or_else(|| id.clone().into());
    let mut cause = domain.cause(Some(correlation_id));
    cause.priority = options.priority.unwrap_or(cause.priority);
    if let Some(key) = &options.key {
        key.check()?;
    }
    let (key, is_permanent) = options.key.clone().map(Key::into_parts).unzip();
    let extensions = Extensions {
        deadline,
        idempotency_key: key,
        permanent_key: is_permanent.unwrap_or(false),
        unreadable: None,
    };
    command_message(domain.env(), &id, command, &cause, extensions)
}

/// A command that is handled at once.
struct Synchronous<'a, C> {
    domain: &'a Domain,
    store: &'a Arc<dyn Store>,
    group: &'a Group,
    /// No log has it yet, so it lies at no position.
    delivery: Delivery,
    command: PhantomData<fn(C)>,
}

impl<'a, C: Command> Synchronous<'a, C> {
    async fn new(domain: &'a Domain, message: Message) -> Result<Self> {
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

    async fn handle(self, command: C) -> Result<C::Output> {
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
                Ok(answer)
            }
            Committed::Before { message_id, output } => {
                self.repeat(&message_id, output.as_deref()).await
            }
        }
    }

    /// The answer to the command that came first, when this one repeats it.
    async fn repeat(&self, first: &str, output: Option<&str>) -> Result<C::Output> {
        let again = &self.delivery.recorded.message;
        repetition::check::<C>(self.domain.env(), &**self.store, first, again).await?;
        self.answer_of(first, output)
    }

    /// Waits for the commands to its instance that came before. A command that a handler waits for
    /// does not: two handlers could wait for each other.
    async fn turn(&self) -> Option<InstanceTurn<'_>> {
        if is_handling() {
            return None;
        }
        let instance = self.delivery.recorded.message.stream.name();
        Some(self.domain.shared().instance_queues.wait(instance).await)
    }

    /// The command that has the idempotency key already: this one is not even tried.
    async fn holder_of_key(&self) -> Result<Option<KeyClaim>> {
        match key_claim(&self.delivery.recorded.message, None, NEVER) {
            Some(claim) => self.store.known(&claim.command, &claim.key, claim.time).await,
            None => Ok(None),
        }
    }

    /// Runs the handler and commits what it did, with the command itself. What
    /// fails leaves no trace: the caller has the error.
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
        Ok((answer, committed))
    }

    /// The answer to the command that came first with the same idempotency key.
    fn answer_of(&self, message_id: &str, output: Option<&str>) -> Result<C::Output> {
        let output = output.ok_or_else(|| {
            Error::conflict(format!(
                "{} {message_id} is queued and not handled yet: try again later",
                C::NAME
            ))
        })?;
        serde_json::from_str(output).map_err(|error| {
            Error::failed(format!("the stored answer to {} {message_id} cannot be read", C::NAME))
                .with_source(error)
        })
    }
}

/// Bulk work steps aside for a step of this lane.
fn step_begins(domain: &Domain, lane: Lane) {
    if lane == Lane::Primary {
        domain.env().production_begins();
    }
}

fn expired(name: &str) -> Error {
    Error::expired(format!("the deadline of {name} has passed"))
}
