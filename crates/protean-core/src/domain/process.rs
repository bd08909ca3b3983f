//! Processing one command.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use protean_port::message::{Extensions, Id, Message, Priority, Timestamp};
use protean_port::port::{
    Append, At, BoxFuture, Changes, Count, Counter, DoneMark, Expect, KeyClaim, KeyWrite, Store,
};
use protean_port::{Error, Result};

use super::dispatch::dispatch;
use super::domain::Domain;
use crate::config::Processing;
use crate::handling::deliver::guarded;
use crate::handling::{
    Committed, Failure, Group, HandlerInput, HandlerOutput, NEVER, Tries, commit, key_claim,
};
use crate::model::Command;
use crate::unit::{Context, MessageContext, ReadMode, ReadOptions, Unit, command_message};

/// A command on its way: say how, then `.await`.
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
    pub(super) idempotency_key: Option<Arc<str>>,
    pub(super) deadline: Option<Timestamp>,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Processed<T> {
    /// It was handled, with this answer.
    Handled(T),
    /// It is kept under this id and will be handled.
    Queued(Id),
}

impl<T> Processed<T> {
    /// The answer, when the command was handled.
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
        Process::new(self.clone(), command)
    }
}

impl<C: Command> Process<C> {
    fn new(domain: Domain, command: C) -> Self {
        // The scope of the caller counts, not that of whoever polls later.
        let options = Options { priority: Some(domain.priority()), ..Options::default() };
        Self { domain, command, options }
    }

    /// With this priority, whatever the handle or the scope says.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.options.priority = Some(priority);
        self
    }

    /// As part of the chain of this correlation id; else it begins its own.
    pub fn correlation_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.options.correlation_id = Some(id.into());
        self
    }

    /// Under a name of the sender's: a command of this type with the same name
    /// is taken in once.
    pub fn idempotency_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.options.idempotency_key = Some(key.into());
        self
    }

    /// Not handled any more after this moment.
    pub fn deadline(mut self, deadline: Timestamp) -> Self {
        self.options.deadline = Some(deadline);
        self
    }

    /// Not handled any more after this time from now.
    pub fn timeout(self, timeout: Duration) -> Self {
        let deadline = self.domain.clock().now() + timeout;
        self.deadline(deadline)
    }

    /// Keeps the command, to be handled by a server. Gives its id; for a name
    /// that is taken, the id of the command that came first.
    ///
    /// # Errors
    /// When the command breaks the rules of its fields, its deadline has
    /// passed, or the store cannot be written.
    pub async fn asynchronous(self) -> Result<Id> {
        let Self { domain, command, options } = self;
        let store = domain.store().await?;
        let changes = queued(&domain, &command, &options)?;
        let id = Id::from(Arc::clone(&changes.appends[0].message.id));
        match commit(&**store, changes).await? {
            Committed::Now(_) => Ok(id),
            Committed::Before { message_id, .. } => Ok(message_id.into()),
            Committed::Stale(what) => Err(Error::conflict(what)),
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
        let message = message(&domain, &command, &options)?;
        Synchronous::<C>::new(&domain, message).await?.handle(command).await
    }
}

impl<C: Command> IntoFuture for Process<C> {
    type Output = Result<Processed<C::Output>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            match self.domain.config().command_processing {
                Processing::Sync => self.synchronous().await.map(Processed::Handled),
                Processing::Async => self.asynchronous().await.map(Processed::Queued),
            }
        })
    }
}

/// A command as one unit that only keeps it.
pub(super) fn queued<C: Command>(
    domain: &Domain,
    command: &C,
    options: &Options,
) -> Result<Changes> {
    let message = message(domain, command, options)?;
    let mut changes = Changes::new(domain.lanes().lane(message.priority));
    changes.keys.extend(claim(domain, &message, None));
    changes.appends.push(Append { message, expect: Expect::End });
    Ok(changes)
}

/// A command as a message, checked.
fn message<C: Command>(domain: &Domain, command: &C, options: &Options) -> Result<Message> {
    command.check().into_result()?;
    let now = domain.clock().now();
    let default = domain.config().command_default_timeout.map(|timeout| now + timeout);
    let deadline = options.deadline.or(default);
    if deadline.is_some_and(|deadline| deadline < now) {
        return Err(Error::expired(format!("the deadline of {} has passed", C::NAME)));
    }
    let id = Id::new();
    let correlation_id = options.correlation_id.clone().unwrap_or_else(|| id.clone().into());
    let mut cause = domain.cause(Some(correlation_id));
    cause.priority = options.priority.unwrap_or(cause.priority);
    let extensions = Extensions { deadline, idempotency_key: options.idempotency_key.clone() };
    command_message(domain.env(), &id, command, &cause, extensions)
}

/// Takes the sender's name for a command.
fn claim(domain: &Domain, message: &Message, output: Option<Arc<str>>) -> Option<KeyWrite> {
    // Until it is handled nobody may take it: how long that takes is not known.
    let handled = output.is_some();
    let expires = if handled { message.time + domain.config().idempotency.ttl } else { NEVER };
    key_claim(message, output, expires).map(KeyWrite::Claim)
}

/// A command that is handled at once.
struct Synchronous<'a, C> {
    domain: &'a Domain,
    store: &'a Arc<dyn Store>,
    group: &'a Group,
    message: Message,
    command: std::marker::PhantomData<fn(C)>,
}

impl<'a, C: Command> Synchronous<'a, C> {
    async fn new(domain: &'a Domain, message: Message) -> Result<Self> {
        let group = domain.handlers().commands_of(message.stream.category());
        let group = group.filter(|group| group.routes.contains_key(&message.type_name));
        let group = group.ok_or_else(|| {
            Error::misused(format!("nobody handles {}: register a command handler", C::NAME))
        })?;
        let store = domain.store().await?;
        Ok(Self { domain, store, group, message, command: std::marker::PhantomData })
    }

    async fn handle(self, command: C) -> Result<C::Output> {
        if let Some(first) = self.first_of_its_name().await? {
            return self.answer_of(&first.message_id, first.output.as_deref());
        }
        let mut tries = Tries::new(&self.domain.config().server.version_retry);
        let mut input = HandlerInput::Value(Box::new(command));
        loop {
            let (answer, changes) = match self.run(input, tries.mode()).await {
                Err(error) if error.is_conflict() => {
                    tries.wait(error).await?;
                    input = HandlerInput::Json(Arc::clone(&self.message.data));
                    continue;
                }
                ran => ran?,
            };
            match commit(&**self.store, changes).await? {
                Committed::Now(messages) => {
                    let caused = messages.into_iter().skip(1).collect();
                    dispatch(self.domain, self.store, caused).await?;
                    return Ok(answer);
                }
                Committed::Before { message_id, output } => {
                    return self.answer_of(&message_id, output.as_deref());
                }
                Committed::Stale(what) => tries.wait(Error::conflict(what)).await?,
            }
            input = HandlerInput::Json(Arc::clone(&self.message.data));
        }
    }

    /// The command that has the sender's name already: it is not even tried again.
    async fn first_of_its_name(&self) -> Result<Option<KeyClaim>> {
        match key_claim(&self.message, None, NEVER) {
            Some(claim) => self.store.known(&claim.command, &claim.key, claim.time).await,
            None => Ok(None),
        }
    }

    /// Runs the handler; the command is the first message of its changes.
    async fn run(&self, input: HandlerInput, mode: ReadMode) -> Result<(C::Output, Changes)> {
        let message = &self.message;
        let cause = MessageContext {
            priority: message.priority,
            correlation_id: Arc::clone(&message.correlation_id),
            causation_id: Some(Arc::clone(&message.id)),
            seed: Some(format!("{} {}", self.group.name, message.id)),
        };
        let read = ReadOptions { overlay: None, mode };
        let unit = Unit::new(Arc::clone(self.domain.env()), Arc::clone(self.store), cause, read);
        let unit = Arc::new(unit);
        unit.append(message.clone());
        let call = &self.group.routes[&message.type_name];
        let context = Context::new(Arc::clone(&unit), None);
        let answer = guarded(self.group, call, input, context).await;
        let answer = answer.map_err(Failure::into_error)?;
        let mut changes = unit.finish().changes;
        self.account(&mut changes, &answer)?;
        Ok((answer.take(C::NAME)?, changes))
    }

    /// Enters the command as handled in the same transaction.
    fn account(&self, changes: &mut Changes, answer: &HandlerOutput) -> Result {
        let (group, category) = (Arc::clone(&self.group.name), self.group.category.clone());
        let mark = DoneMark {
            group: Arc::clone(&group),
            category: category.clone(),
            priority: self.message.priority,
            at: At::Appended(0),
        };
        changes.marks.push(mark);
        changes.counts.push(Count { group, category, term: Counter::Handled, count: 1 });
        if self.message.extensions.idempotency_key.is_some() {
            let output = answer.to_json(C::NAME)?;
            changes.keys.extend(claim(self.domain, &self.message, Some(output)));
        }
        Ok(())
    }

    /// The answer to the command that came first under the same name.
    fn answer_of(&self, message_id: &str, output: Option<&str>) -> Result<C::Output> {
        let output = output.ok_or_else(|| {
            Error::conflict(format!("{} {message_id} is kept and not handled yet", C::NAME))
        })?;
        serde_json::from_str(output).map_err(|error| {
            let told = format!("the answer to {} {message_id} cannot be read", C::NAME);
            Error::failed(told).with_source(error)
        })
    }
}
