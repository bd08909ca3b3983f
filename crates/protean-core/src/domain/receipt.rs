//! What became of a command.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use protean_port::message::{Id, Kind, Message, Recorded, Timestamp};
use protean_port::port::{Find, KeyClaim, Store, Watched};
use protean_port::{Error, Result};

use super::domain::Domain;
use crate::handling::{KeptOutcome, NEVER};
use crate::model::Command;

/// How often to look for what nobody has announced: a safety net.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A command that was sent, to ask what became of it.
pub struct Receipt<C> {
    pub(super) sent: SentCommand,
    command: PhantomData<fn() -> C>,
}

/// A command that was sent, of whatever type.
#[derive(Clone)]
pub(super) struct SentCommand {
    pub(super) domain: Domain,
    pub(super) name: &'static str,
    pub(super) id: Id,
    /// The idempotency key that keeps its outcome.
    key: Option<Arc<str>>,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandOutcome<T> {
    /// It was handled; this is the answer of its handler.
    Handled(T),
    /// Its handler or the database refused it for good, for this reason: a rule is broken. It is a
    /// dead letter.
    Rejected(String),
    /// It was given up, for this reason: it failed each time, or no handler takes it. It is a dead
    /// letter.
    Dead(String),
    /// Its deadline had passed before its turn came. It was not handled.
    Expired,
    /// It was scheduled, and cancelled before it was due.
    Cancelled,
}

impl<C: Command> Receipt<C> {
    pub(super) fn new(domain: &Domain, id: Id, key: Option<Arc<str>>) -> Self {
        let sent = SentCommand { domain: domain.clone(), name: C::NAME, id, key };
        Self { sent, command: PhantomData }
    }

    /// The receipt of a command that was sent before, perhaps by another process.
    ///
    /// # Errors
    /// [`Error::is_not_found`] when no command has this id; a misuse when it is of another type; or
    /// when the store cannot be read.
    pub async fn of(domain: &Domain, id: &Id) -> Result<Self> {
        let store = domain.store().await?;
        let message = match Sent::find(&**store, id).await? {
            Sent::Logged(recorded) => Some(recorded.message),
            Sent::Scheduled(message) => Some(message),
            Sent::Nowhere => None,
        };
        let message = message
            .filter(|message| message.kind == Kind::Command)
            .ok_or_else(|| Error::not_found("command", id.as_str()))?;
        if message.name() != C::NAME {
            let (name, asked) = (message.name(), C::NAME);
            return Err(Error::misused(format!("the command {id} is a {name}, not a {asked}")));
        }
        Ok(Self::new(domain, id.clone(), message.extensions.idempotency_key))
    }

    /// The id of the command.
    pub fn id(&self) -> &Id {
        &self.sent.id
    }

    /// Waits until the command is settled, and gives what became of it. Without a running server it
    /// waits for ever: put `tokio::time::timeout` around it. Safe to drop, and to call again.
    ///
    /// A command that failed is remembered for `idempotency.ttl`, or for `idempotency.error_ttl` when
    /// it has a key of its sender, which is free again then. A dead letter that is replayed has no
    /// outcome again until it is settled.
    ///
    /// # Errors
    /// At once, a misuse, when the outcome is not kept: the command was sent without an idempotency
    /// key and without [`keep_outcome`](super::Process::keep_outcome). [`Error::is_not_found`] when
    /// it is not kept any more; when the answer cannot be read as that of `C`; or when the store
    /// cannot be read.
    pub async fn outcome(&self) -> Result<CommandOutcome<C::Output>> {
        let store = self.sent.domain.store().await?;
        let mut settled = store.watch(vec![Watched::Outcome(self.id().clone().into())]);
        loop {
            settled.take_changed();
            if let Some(outcome) = self.outcome_so_far().await? {
                return Ok(outcome);
            }
            if let Ok(closed) = tokio::time::timeout(LOOK_INTERVAL, settled.changed()).await {
                closed?;
            }
        }
    }

    /// What became of the command; `None` while it is not settled. As [`outcome`](Self::outcome),
    /// without waiting.
    ///
    /// # Errors
    /// As those of [`outcome`](Self::outcome).
    pub async fn outcome_so_far(&self) -> Result<Option<CommandOutcome<C::Output>>> {
        self.sent.kept().await?.map(|kept| self.outcome_of(kept)).transpose()
    }

    fn outcome_of(&self, kept: KeptOutcome) -> Result<CommandOutcome<C::Output>> {
        Ok(match kept {
            KeptOutcome::Handled(json) => match serde_json::from_str(&json) {
                Ok(output) => CommandOutcome::Handled(output),
                Err(fault) => {
                    let text = format!("the answer of {} is not that of this program", self.sent);
                    return Err(Error::failed(text).with_source(fault));
                }
            },
            KeptOutcome::Rejected(reason) => CommandOutcome::Rejected(reason),
            KeptOutcome::Dead(reason) => CommandOutcome::Dead(reason),
            KeptOutcome::Expired => CommandOutcome::Expired,
            KeptOutcome::Cancelled => CommandOutcome::Cancelled,
        })
    }
}

impl SentCommand {
    async fn kept(&self) -> Result<Option<KeptOutcome>> {
        let Some(key) = &self.key else {
            return Err(Error::misused(format!(
                "the outcome of {self} is not kept: send it with `keep_outcome()` or with an \
                 idempotency key"
            )));
        };
        let Some(claim) = self.claim(key).await? else {
            return Err(Error::missing(format!(
                "the outcome of {self} is not kept any more: `idempotency.ttl` and \
                 `idempotency.error_ttl` say for how long"
            )));
        };
        match claim.output {
            Some(text) => Ok(Some(KeptOutcome::read(&text))),
            None if claim.expires == NEVER => Ok(None),
            // A server of an earlier release frees the key without a word.
            None => Err(Error::missing(format!(
                "{self} was not handled, and why is not kept: see `dlq list`"
            ))),
        }
    }

    /// What went wrong with the command, as far as that is kept.
    pub(super) async fn failure(&self) -> Result<Option<String>> {
        let Some(key) = &self.key else { return Ok(None) };
        let claim = self.claim(key).await?;
        Ok(claim.and_then(|claim| KeptOutcome::read(claim.output.as_deref()?).failure()))
    }

    /// Its claim on the key, also when the key is free again, until it is taken or deleted.
    async fn claim(&self, key: &str) -> Result<Option<KeyClaim>> {
        let store = self.domain.store().await?;
        let found = store.known(self.name, key, Timestamp::default()).await?;
        Ok(found.filter(|claim| *claim.message_id == *self.id.as_str()))
    }
}

impl fmt::Display for SentCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.id)
    }
}

/// Where a command is that was sent.
pub(super) enum Sent {
    Logged(Recorded),
    Scheduled(Message),
    Nowhere,
}

impl Sent {
    pub(super) async fn find(store: &dyn Store, id: &Id) -> Result<Self> {
        if let Some(recorded) = logged(store, id).await? {
            return Ok(Self::Logged(recorded));
        }
        if let Some(waiting) = store.scheduled_under(id.as_str()).await? {
            return Ok(Self::Scheduled(waiting.message));
        }
        // It may have been moved in between.
        Ok(logged(store, id).await?.map_or(Self::Nowhere, Self::Logged))
    }
}

async fn logged(store: &dyn Store, id: &Id) -> Result<Option<Recorded>> {
    let find = Find { message_id: Some(id.clone().into()), ..Find::first(1) };
    Ok(store.find(find).await?.pop())
}

impl<C> fmt::Debug for Receipt<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SentCommand { name, id, key, .. } = &self.sent;
        let mut debug = f.debug_struct("Receipt");
        debug.field("command", name).field("id", id).field("key", key).finish_non_exhaustive()
    }
}

impl<C> Clone for Receipt<C> {
    fn clone(&self) -> Self {
        Self { sent: self.sent.clone(), command: PhantomData }
    }
}
