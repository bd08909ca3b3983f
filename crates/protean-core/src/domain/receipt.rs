//! What became of a command.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use protean_port::message::{Id, Kind, Timestamp};
use protean_port::port::KeyClaim;
use protean_port::{Error, Result};

use super::domain::Domain;
use super::looks::Looks;
use crate::handling::{KeptOutcome, NEVER, Sent};
use crate::model::Command;

/// The receipt of a command that was sent; ask it for the outcome.
pub struct Receipt<C> {
    pub(super) sent: SentCommand,
    command: PhantomData<fn() -> C>,
}

/// A command that was sent, without its type.
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
    /// It was handled; this is the return value of its handler.
    Handled(T),
    /// Its handler or the database refused it because it breaks a rule; this is the reason. It is a
    /// dead letter.
    Rejected(String),
    /// It was given up because every attempt failed or no handler takes it; this is the reason. It
    /// is a dead letter.
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
    /// [`Error::is_not_found`] if no command has this id; a misuse if the command has another type;
    /// an error if the store cannot be read.
    pub async fn of(domain: &Domain, id: &Id) -> Result<Self> {
        let store = domain.store().await?;
        let message = Sent::find(&**store, id.as_str()).await?.message();
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

    /// Waits until the command is settled, and returns its outcome. Without a running server it
    /// waits forever: wrap it in `tokio::time::timeout`. Safe to drop, and to call again.
    ///
    /// The outcome of a failed command is kept for `idempotency.ttl`; if the sender set an
    /// idempotency key, for `idempotency.error_ttl`, after which the key is free again. The key of
    /// a cancelled command is free at once. A replayed dead letter has no outcome until it is
    /// settled again.
    ///
    /// # Errors
    /// A misuse, at once, if the outcome is not kept: the command was sent without an idempotency
    /// key and without [`keep_outcome`](super::Process::keep_outcome). [`Error::is_not_found`] if
    /// it is no longer kept. An error if the stored return value does not fit `C::Output`, or the
    /// store cannot be read.
    pub async fn outcome(&self) -> Result<CommandOutcome<C::Output>> {
        let mut looks = Looks::new();
        loop {
            if let Some(outcome) = self.outcome_so_far().await? {
                return Ok(outcome);
            }
            looks.pause().await;
        }
    }

    /// The outcome of the command, without waiting; `None` while it is not settled.
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
                    let text = format!("the stored answer of {} does not fit its type", self.sent);
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
                 `idempotency.error_ttl` limit how long it is kept"
            )));
        };
        match claim.output {
            Some(text) => Ok(Some(KeptOutcome::read(&text))),
            None if claim.expires == NEVER => Ok(None),
            // Servers of earlier releases free the key without storing an outcome.
            None => Err(Error::missing(format!(
                "{self} was not handled, and the reason was not kept: see `dlq list`"
            ))),
        }
    }

    /// Why the command failed, if that is kept.
    pub(super) async fn failure(&self) -> Result<Option<String>> {
        let Some(key) = &self.key else { return Ok(None) };
        let claim = self.claim(key).await?;
        Ok(claim.and_then(|claim| KeptOutcome::read(claim.output.as_deref()?).failure()))
    }

    /// Its claim on the key, even if it has expired, until the key is claimed again or deleted.
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
