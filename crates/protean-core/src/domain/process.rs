//! Processing one command.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use protean_port::message::{Extensions, Id, Message, Priority, Timestamp, TraceParent};
use protean_port::port::{Append, BoxFuture, Changes, Expect, KeyWrite, SpanOperation};
use protean_port::{Error, Result};

use super::domain::Domain;
use super::receipt::Receipt;
use super::scheduled::scheduled;
use super::synchronous::{HandledCommand, Synchronous, expired, step_begins};
use crate::config::Processing;
use crate::handling::spans::{NewCommand, OpenSpan, sending};
use crate::handling::{Committed, NEVER, commit, key_claim, repetition};
use crate::model::{Command, Start};
use crate::unit::{Enrichment, Key, Timing, command_message};

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
    pub(super) keeps_outcome: bool,
    pub(super) timing: Timing,
    pub(super) enrichment: Enrichment,
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

    /// Sets a metadata value that the command and everything it causes carry. It overrides an
    /// [`Enricher`](crate::unit::Enricher).
    pub fn metadata(mut self, key: impl Into<String>, text: impl Into<String>) -> Self {
        self.options.enrichment.metadata.set(key, text);
        self
    }

    /// Sets the trace context, which the command passes on to everything that it causes; without
    /// it, an enricher or the span around the caller does. With `[telemetry]` on, the command's own
    /// span continues it.
    pub fn traceparent(mut self, parent: TraceParent) -> Self {
        self.options.enrichment.traceparent = Some(parent);
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

    /// Keeps the outcome of the command for [`Receipt::outcome`], for `idempotency.ttl` after it is
    /// settled. The outcome of a command with an idempotency key is always kept.
    pub fn keep_outcome(mut self) -> Self {
        self.options.keeps_outcome = true;
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
    /// When the command breaks the rules of its fields or of [`Metadata`](protean_port::message::Metadata),
    /// its deadline has passed, or the store cannot be written.
    pub async fn asynchronous(self) -> Result<Id> {
        let Self { domain, command, options } = self;
        let store = domain.store().await?;
        let due = options.timing.due(domain.env());
        let sent = message(&domain, &command, &options, due, &Traced::Alone(SpanOperation::Send))?;
        let mut changes = appended(&domain, sent.message);
        let id = Id::from(Arc::clone(&changes.appends[0].message.id));
        let lane = changes.lane;
        let again = options.key.is_some().then(|| changes.appends[0].message.clone());
        if let Some(due) = due {
            changes = scheduled(changes, due);
        }
        step_begins(&domain, lane);
        let committed = sent.span.ended(commit(domain.env(), &**store, changes).await);
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

    /// Processes the command as `command_processing` says, and returns a receipt to ask for its
    /// outcome later.
    ///
    /// # Errors
    /// Those of [`asynchronous`](Self::asynchronous) or [`synchronous`](Self::synchronous).
    pub async fn receipt(self) -> Result<Receipt<C>> {
        let domain = self.domain.clone();
        let key = self.options.key.as_ref().map(|key| Arc::clone(key.text()));
        let keeps_outcome = self.options.keeps_outcome;
        let id = match self.is_handled_now() {
            true => self.handle().await?.id,
            false => self.asynchronous().await?,
        };
        let own_key = keeps_outcome.then(|| id.clone().into());
        Ok(Receipt::new(&domain, id, key.or(own_key)))
    }

    fn is_handled_now(&self) -> bool {
        let is_scheduled = self.options.timing.start.is_some();
        self.domain.config().command_processing == Processing::Sync && !is_scheduled
    }

    /// Handles the command now, in this task: command, changes and events
    /// commit together, then `event_processing` says how the events go on.
    ///
    /// # Errors
    /// What the handler gave; a conflict that further tries did not resolve;
    /// a store that cannot be written. With [`Error::committed`] the command
    /// was handled and kept, and the handler of an event failed afterwards.
    pub async fn synchronous(self) -> Result<C::Output> {
        self.handle().await.map(|handled| handled.output)
    }

    async fn handle(self) -> Result<HandledCommand<C::Output>> {
        let Self { domain, command, options } = self;
        if options.timing.start.is_some() {
            return Err(Error::misused(
                "a command that is scheduled cannot be handled at once: call `asynchronous`, or leave \
                 out `at` and `after`",
            ));
        }
        let traced = Traced::Alone(SpanOperation::Create);
        let New { message, span } = message(&domain, &command, &options, None, &traced)?;
        span.ended(Synchronous::<C>::new(&domain, message).await?.handle(command).await)
    }
}

impl<C: Command> IntoFuture for Process<C> {
    type Output = Result<Processed<C::Output>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            match self.is_handled_now() {
                true => self.synchronous().await.map(Processed::Handled),
                false => self.asynchronous().await.map(Processed::Queued),
            }
        })
    }
}

/// A unit that only appends the command, as one of many that are sent in this trace.
pub(super) fn queued<C: Command>(
    domain: &Domain,
    command: &C,
    options: &Options,
    trace: Option<TraceParent>,
) -> Result<Changes> {
    let queued = message(domain, command, options, None, &Traced::AsOneOfMany(trace))?;
    Ok(appended(domain, queued.message))
}

/// A unit that only appends this command.
fn appended(domain: &Domain, message: Message) -> Changes {
    let mut changes = Changes::new(domain.lanes().lane(message.priority));
    // The key is held until the command is handled, however long that takes.
    changes.keys.extend(key_claim(&message, NEVER).map(KeyWrite::Claim));
    changes.appends.push(Append { message, expect: Expect::End });
    changes
}

/// The span of a command's creation.
enum Traced {
    /// Its own.
    Alone(SpanOperation),
    /// One of all that are sent with it.
    AsOneOfMany(Option<TraceParent>),
}

/// A new message, and the span of its creation.
struct New {
    message: Message,
    span: OpenSpan,
}

/// A command as a message, checked.
fn message<C: Command>(
    domain: &Domain,
    command: &C,
    options: &Options,
    due: Option<Timestamp>,
    traced: &Traced,
) -> Result<New> {
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
    cause.enrichment.extend(&options.enrichment);
    if let Some(key) = &options.key {
        key.check()?;
    }
    let mut extensions = Extensions { deadline, ..Key::extensions(options.key.as_ref()) };
    if options.keeps_outcome {
        extensions.idempotency_key.get_or_insert_with(|| id.clone().into());
    }
    let env = domain.env();
    let span = match traced {
        Traced::Alone(operation) if env.records_spans() => {
            let names = env.catalog.names::<C::Aggregate>()?;
            let type_name = env.catalog.type_name(C::NAME, C::VERSION);
            let (category, id, cause) = (&names.commands, id.as_str(), &cause);
            sending(env, *operation, &NewCommand { category, id, type_name: &type_name, cause })
        }
        Traced::Alone(_) | Traced::AsOneOfMany(_) => OpenSpan::default(),
    };
    let created = match traced {
        Traced::Alone(_) => span.context(),
        // An enricher may know better than the span around the caller.
        Traced::AsOneOfMany(trace) => {
            trace.filter(|_| cause.enrichment.traceparent == env.current_trace())
        }
    };
    cause.enrichment.traceparent = created.or(cause.enrichment.traceparent);
    let message = command_message(env, &id, command, &cause, extensions)?;
    Ok(New { message, span })
}
