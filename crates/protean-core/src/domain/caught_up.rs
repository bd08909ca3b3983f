//! Read your own writes: wait until a projection reflects the effects of a command.
//!
//! ```text
//! scheduled ─▶ in the log ─▶ settled ─▶ what its handler appended ─▶ settled by each projector
//! ```

use std::collections::HashSet;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use protean_port::message::{Message, Recorded, Timestamp};
use protean_port::port::{BoxFuture, DeadLetterRead, Find, Store};
use protean_port::{Error, Result};

use super::looks::Looks;
use super::receipt::{Receipt, SentCommand};
use crate::handling::{Group, HandlerKind, Sent};
use crate::model::{Command, Projection};

/// The default time limit.
const DEFAULT_LIMIT: Duration = Duration::from_secs(5);
/// How many messages are read at once.
const PAGE_MESSAGES: usize = 100;

/// Waits until a projection reflects the effects of a command: `.await` it. Safe to drop.
#[must_use = "nothing is waited for until this is awaited"]
pub struct CaughtUp {
    sent: SentCommand,
    projection: &'static str,
    limit: Duration,
    /// The message that it waits for now.
    waits_for: String,
}

impl<C: Command> Receipt<C> {
    /// Waits until the projection `P` reflects the effects of this command, so that callers can
    /// read their own writes: until the command is settled, and then until the projectors of `P`
    /// have settled every event and fact that its handler has appended. It does not wait for what
    /// other handlers do with those events.
    ///
    /// # Errors
    /// [`Error::is_unavailable`] after the time limit of [`CaughtUp::within`], five seconds by
    /// default, with the message it still waits for; a failure if the command was rejected, given
    /// up, cancelled or expired, or if a projector has given up one of the messages; a misuse if no
    /// projector of this domain keeps `P`.
    pub fn caught_up<P: Projection>(&self) -> CaughtUp {
        let (sent, waits_for) = (self.sent.clone(), self.sent.to_string());
        CaughtUp { sent, projection: P::NAME, limit: DEFAULT_LIMIT, waits_for }
    }
}

impl CaughtUp {
    /// Sets the time limit.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    async fn wait(mut self) -> Result {
        match tokio::time::timeout(self.limit, self.follow()).await {
            Ok(ended) => ended,
            Err(_) => {
                let Self { sent, projection, limit, waits_for } = &self;
                Err(Error::unavailable(format!(
                    "{projection} has not caught up with {sent} within {limit:?}: {waits_for} is \
                     not handled yet; try again, or see where it is with `events explain`"
                )))
            }
        }
    }

    /// Waits until everything is settled.
    async fn follow(&mut self) -> Result {
        let domain = self.sent.domain.clone();
        let projectors: Vec<_> = domain.groups().iter().filter(|group| self.keeps(group)).collect();
        if projectors.is_empty() {
            return Err(Error::misused(format!(
                "no projector of this program keeps {}: register one, or ask a program that does",
                self.projection
            )));
        }
        let store = &**domain.store().await?;
        let command = self.logged(store).await?;
        let category = command.message.stream.category();
        let handlers = domain.groups().iter().find(|group| group.category == *category);
        let handlers = handlers.ok_or_else(|| {
            let name = self.sent.name;
            Error::misused(format!("{name} has no handler: register a command handler"))
        })?;
        self.settled(store, handlers, vec![command.position]).await?;
        if let Some(failure) = self.sent.failure().await? {
            return Err(self.failed(&failure));
        }
        let effects = effects(store, &command).await?;
        for group in projectors {
            let takes = |effect: &&Recorded| {
                let message = &effect.message;
                *message.stream.category() == group.category && !group.ignores(message)
            };
            let taken = effects.iter().filter(takes).map(|effect| effect.position).collect();
            self.settled(store, group, taken).await?;
        }
        Ok(())
    }

    fn keeps(&self, group: &Group) -> bool {
        let kept = group.projection.as_ref().map(|table| table.name);
        group.kind == HandlerKind::Projector && kept == Some(self.projection)
    }

    /// The command, once it is in the log.
    async fn logged(&self, store: &dyn Store) -> Result<Recorded> {
        let id = &self.sent.id;
        let mut looks = Looks::new();
        loop {
            match Sent::find(store, id.as_str()).await? {
                Sent::Logged(recorded) => return Ok(recorded),
                Sent::Scheduled(_) => {
                    while !store.scheduled_under(&[id.as_str()]).await?.is_empty() {
                        looks.pause().await;
                    }
                }
                Sent::Nowhere => {
                    let failure = self.sent.failure().await?;
                    let cancelled = "is not in the log: it was cancelled, or never sent";
                    return Err(self.failed(failure.as_deref().unwrap_or(cancelled)));
                }
            }
        }
    }

    /// Waits until a group has settled the messages at these positions, in the order of the log.
    async fn settled(
        &mut self,
        store: &dyn Store,
        group: &Group,
        mut positions: Vec<u64>,
    ) -> Result {
        let mut looks = Looks::new();
        while !positions.is_empty() {
            let waiting = store.recall(&group.name, &group.category, &positions).await?;
            if waiting.len() < positions.len() {
                self.check_handled(store, group, &positions).await?;
            }
            let Some(first) = waiting.first() else { break };
            let message = &first.recorded.message;
            self.waits_for = format!("{} {}", message.name(), message.id);
            positions = waiting.iter().map(|waiting| waiting.recorded.position).collect();
            looks.pause().await;
        }
        Ok(())
    }

    /// # Errors
    /// When the group has given up one of the messages at these positions. Messages of one commit
    /// follow each other, so no other dead letter is between them.
    async fn check_handled(&self, store: &dyn Store, group: &Group, positions: &[u64]) -> Result {
        let read = DeadLetterRead {
            group: group.name.to_string(),
            category: group.category.clone(),
            after: positions[0].saturating_sub(1),
            before: Timestamp::MAX,
            limit: positions.len(),
        };
        let letters = store.dead_letters(read).await?;
        let Some(dead) = letters.iter().find(|dead| positions.contains(&dead.recorded.position))
        else {
            return Ok(());
        };
        let message = &dead.recorded.message;
        Err(self.failed(&format!(
            "does not reach {}: {} has given up {} {}: {}; replay it with `dlq replay`",
            self.projection,
            group.handler,
            message.name(),
            message.id,
            dead.reason
        )))
    }

    fn failed(&self, what: &str) -> Error {
        Error::failed(format!("{} {what}", self.sent))
    }
}

impl IntoFuture for CaughtUp {
    type Output = Result;
    type IntoFuture = BoxFuture<'static, Result>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.wait())
    }
}

/// What the handler of a command has appended, in the order of the log. One commit has brought all
/// of it, so it stands together in the log: what the command has caused, then the facts, each caused
/// by the last event of its aggregate.
async fn effects(store: &dyn Store, command: &Recorded) -> Result<Vec<Recorded>> {
    let Recorded { position, message: Message { id, correlation_id, .. }, .. } = command;
    let correlation_id = Some(Arc::clone(correlation_id));
    let mut find = Find { correlation_id, after: Some(*position), ..Find::first(PAGE_MESSAGES) };
    let (mut effects, mut facts) = (Vec::new(), HashSet::new());
    loop {
        let page = store.find(find.clone()).await?;
        let is_last = page.len() < PAGE_MESSAGES;
        find.after = page.last().map(|last| last.position);
        for recorded in page {
            let Message { id: own_id, stream, causation_id, .. } = &recorded.message;
            let is_fact_of =
                |cause: &Arc<str>| facts.contains(&(cause.clone(), stream.category().clone()));
            if causation_id.as_ref().is_some_and(|cause| cause == id || is_fact_of(cause)) {
                facts.insert((Arc::clone(own_id), stream.category().facts()));
                effects.push(recorded);
            } else if !effects.is_empty() {
                return Ok(effects);
            }
        }
        if is_last {
            return Ok(effects);
        }
    }
}
