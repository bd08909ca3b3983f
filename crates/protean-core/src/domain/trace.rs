//! Following a message to its causes and to its effects.

use std::collections::HashSet;
use std::sync::Arc;

use protean_port::message::Recorded;
use protean_port::port::Find;
use protean_port::{Error, Result};

use super::causation::CausationNode;
use super::domain::Domain;
use crate::handling::{Stage, Subscriber};

/// How many messages are read at once.
const PAGE: usize = 1000;

/// Follows messages through the log. Sees what is committed; a chain that is
/// still at work has grown the next time.
pub struct Trace {
    domain: Domain,
}

/// A handler that takes a message, and how far it is with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Handling {
    /// The name of the handler, as it was registered.
    pub handler: String,
    /// How far it is with the message.
    pub state: HandlingState,
}

/// How far a handler is with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandlingState {
    /// The message is in the log and not handled yet.
    Waiting,
    /// It failed and is parked or dead, or it waits behind such a message.
    Held,
    /// It has handled the message, or passed over it.
    Done,
}

impl HandlingState {
    /// `waiting`, `held` or `done`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Done => "done",
        }
    }
}

impl Trace {
    /// Follows messages of this domain.
    pub fn of(domain: &Domain) -> Self {
        Self { domain: domain.clone() }
    }

    /// The message, what caused it, what caused that, up to the first that
    /// nothing in the log caused.
    ///
    /// # Errors
    /// [`Error::is_not_found`] when no message has this id; else when the store
    /// cannot be read.
    pub async fn causation(&self, message_id: &str) -> Result<Vec<Recorded>> {
        let mut chain = vec![self.message(message_id).await?];
        let mut seen = HashSet::from([Arc::<str>::from(message_id)]);
        while let Some(cause) = chain.last().and_then(|last| last.message.causation_id.clone()) {
            if !seen.insert(Arc::clone(&cause)) {
                break;
            }
            let Some(found) = self.find(&cause).await? else { break };
            chain.push(found);
        }
        Ok(chain)
    }

    /// The message and everything it caused.
    ///
    /// # Errors
    /// As those of [`causation`](Self::causation).
    pub async fn effects(&self, message_id: &str) -> Result<CausationNode> {
        let message = self.message(message_id).await?.message;
        let tree = CausationNode::take(self.tree(&message.correlation_id).await?, message_id);
        tree.ok_or_else(|| Error::not_found("message", message_id))
    }

    /// The first messages with this correlation id, or, when it is the id of a message, of the
    /// chain that this one belongs to; at most `limit`, in the order of the log. Empty when there is
    /// no such chain.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn chain(&self, id: &str, limit: usize) -> Result<Vec<Recorded>> {
        let store = self.domain.store().await?;
        let chain = |id: &str| Find { correlation_id: Some(id.into()), ..Find::first(limit) };
        let found = store.find(chain(id)).await?;
        if !found.is_empty() {
            return Ok(found);
        }
        match self.find(id).await? {
            Some(recorded) => store.find(chain(&recorded.message.correlation_id)).await,
            None => Ok(Vec::new()),
        }
    }

    /// Everything with this correlation id, each message below its cause. Holds
    /// all of it in memory; empty when there is no such chain.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn tree(&self, correlation_id: &str) -> Result<Vec<CausationNode>> {
        let store = self.domain.store().await?;
        let correlation_id = Some(correlation_id.into());
        let mut find = Find { correlation_id, ..Find::first(PAGE) };
        let mut messages: Vec<Recorded> = Vec::new();
        loop {
            let page = store.find(find.clone()).await?;
            let full = page.len() == PAGE;
            messages.extend(page);
            if !full {
                return Ok(CausationNode::forest(messages));
            }
            find.after = messages.last().map(|last| last.position);
        }
    }

    /// The handlers that take a message, and how far each is with it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn handlers(&self, recorded: &Recorded) -> Result<Vec<Handling>> {
        Ok(self.handlers_of(&[recorded]).await?.pop().unwrap_or_default())
    }

    /// The handlers that take each of these messages, in their order, and how far they are.
    /// The number of queries grows with the handlers, not with the messages.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn handlers_of(&self, recorded: &[&Recorded]) -> Result<Vec<Vec<Handling>>> {
        let store = self.domain.store().await?;
        let mut handlers = vec![Vec::new(); recorded.len()];
        for group in self.domain.groups() {
            let taken = recorded.iter().enumerate().filter(|(_, of)| group.takes(&of.message));
            let (places, taken): (Vec<usize>, Vec<&Recorded>) = taken.unzip();
            let Some(first) = taken.first() else { continue };
            let subscriber = Subscriber::of(group, &first.message, self.domain.lanes());
            let stages = subscriber.stages(&**store, &taken).await?;
            for (place, stage) in places.into_iter().zip(stages) {
                let state = match stage {
                    Stage::Waiting => HandlingState::Waiting,
                    Stage::Blocked | Stage::Parked | Stage::Dead(_) => HandlingState::Held,
                    Stage::Settled => HandlingState::Done,
                };
                handlers[place].push(Handling { handler: group.handler.clone(), state });
            }
        }
        Ok(handlers)
    }

    async fn message(&self, id: &str) -> Result<Recorded> {
        self.find(id).await?.ok_or_else(|| Error::not_found("message", id))
    }

    async fn find(&self, id: &str) -> Result<Option<Recorded>> {
        let find = Find { message_id: Some(id.into()), ..Find::first(1) };
        Ok(self.domain.store().await?.find(find).await?.pop())
    }
}
