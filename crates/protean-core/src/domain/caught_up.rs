//! Read your own writes: wait until a projection reflects the effects of a command.
//!
//! ```text
//! scheduled ─▶ in the log ─▶ settled ─▶ its effects in the log ─▶ settled by each projector
//! ```

use std::collections::HashSet;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use protean_port::message::Recorded;
use protean_port::port::{BoxFuture, CommitWatch, Find, Store, Watched};
use protean_port::{Error, Result};

use super::receipt::{LOOK_INTERVAL, Receipt, Sent, SentCommand};
use crate::handling::{Group, HandlerKind, Stage, Subscriber};
use crate::model::{Command, Projection};

/// The default time limit.
const DEFAULT_LIMIT: Duration = Duration::from_secs(5);
/// How many messages are read at once.
const PAGE_MESSAGES: usize = 1000;

/// Waits until a projection reflects the effects of a command: `.await` it. Safe to drop.
#[must_use = "nothing is waited for until this is awaited"]
pub struct CaughtUp {
    sent: SentCommand,
    projection: &'static str,
    limit: Duration,
}

impl<C: Command> Receipt<C> {
    /// Waits until the projection `P` reflects the effects of this command, so that callers can
    /// read their own writes: until the command is settled, and then until the projectors of `P`
    /// have settled every event and fact that it has caused by then. It does not wait for later
    /// effects of other handlers of those events.
    ///
    /// # Errors
    /// [`Error::is_unavailable`] after the time limit of [`CaughtUp::within`], five seconds by
    /// default, with the message it still waits for; a failure if the command was rejected, given
    /// up, cancelled or expired, or if a projector has given up one of the messages; a misuse if no
    /// projector of this domain keeps `P`.
    pub fn caught_up<P: Projection>(&self) -> CaughtUp {
        CaughtUp { sent: self.sent.clone(), projection: P::NAME, limit: DEFAULT_LIMIT }
    }
}

impl CaughtUp {
    /// Sets the time limit.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    async fn wait(self) -> Result {
        let mut waits_for = self.sent.to_string();
        match tokio::time::timeout(self.limit, self.follow(&mut waits_for)).await {
            Ok(ended) => ended,
            Err(_) => {
                let Self { sent, projection, limit, .. } = &self;
                Err(Error::unavailable(format!(
                    "{projection} has not caught up with {sent} within {limit:?}: {waits_for} is \
                     not handled yet; try again, or see where it is with `events explain`"
                )))
            }
        }
    }

    /// Waits until everything is settled; `waits_for` names the message it waits for.
    async fn follow(&self, waits_for: &mut String) -> Result {
        let groups: Vec<_> =
            self.sent.domain.groups().iter().filter(|group| self.keeps(group)).collect();
        if groups.is_empty() {
            return Err(Error::misused(format!(
                "no projector of this program keeps {}: register one, or ask a program that does",
                self.projection
            )));
        }
        let store = self.sent.domain.store().await?;
        let command = self.logged(store).await?;
        let category = command.message.stream.category();
        let handlers = self.sent.domain.groups().iter().find(|group| group.category == *category);
        let handlers = handlers.ok_or_else(|| {
            let name = self.sent.name;
            Error::misused(format!("{name} has no handler: register a command handler"))
        })?;
        self.settled(store, handlers, vec![command.clone()], waits_for).await?;
        if let Some(failure) = self.sent.failure().await? {
            return Err(self.failed(&failure));
        }
        let effects = effects(&**store, &command).await?;
        for group in groups {
            let takes = |effect: &&Recorded| {
                let message = &effect.message;
                *message.stream.category() == group.category && !group.ignores(message)
            };
            let taken = effects.iter().filter(takes).cloned().collect();
            self.settled(store, group, taken, waits_for).await?;
        }
        Ok(())
    }

    fn keeps(&self, group: &Group) -> bool {
        let kept = group.projection.as_ref().map(|table| table.name);
        group.kind == HandlerKind::Projector && kept == Some(self.projection)
    }

    /// The command, once it is in the log.
    async fn logged(&self, store: &Arc<dyn Store>) -> Result<Recorded> {
        let mut watch: Option<CommitWatch> = None;
        loop {
            if let Some(watch) = &mut watch {
                watch.take_changed();
            }
            let message = match Sent::find(&**store, &self.sent.id).await? {
                Sent::Logged(recorded) => return Ok(recorded),
                Sent::Scheduled(message) => message,
                Sent::Nowhere => {
                    let failure = self.sent.failure().await?;
                    let cancelled = "is not in the log: it was cancelled, or never sent";
                    return Err(self.failed(failure.as_deref().unwrap_or(cancelled)));
                }
            };
            let category = message.stream.category().clone();
            let priorities = (message.priority, message.priority);
            let arrivals = Watched::Arrivals { category, priorities };
            let watch = watch.get_or_insert_with(|| store.watch(vec![arrivals]));
            changed(watch).await?;
        }
    }

    /// Waits until a group has settled these messages.
    async fn settled(
        &self,
        store: &Arc<dyn Store>,
        group: &Group,
        mut open: Vec<Recorded>,
        waits_for: &mut String,
    ) -> Result {
        let mut watch =
            store.watch(vec![Watched::Progress(Arc::clone(&group.name)), Watched::Moves]);
        loop {
            watch.take_changed();
            let positions: Vec<u64> = open.iter().map(|recorded| recorded.position).collect();
            let unsettled = store.recall(&group.name, &group.category, &positions).await?;
            let unsettled: HashSet<u64> = unsettled.iter().map(|of| of.recorded.position).collect();
            let (waiting, left): (Vec<_>, Vec<_>) =
                open.into_iter().partition(|recorded| unsettled.contains(&recorded.position));
            for recorded in left {
                self.check_handled(store, group, &recorded).await?;
            }
            let Some(first) = waiting.first() else { return Ok(()) };
            *waits_for = format!("{} {}", first.message.name(), first.message.id);
            open = waiting;
            changed(&mut watch).await?;
        }
    }

    /// # Errors
    /// When the group has given the message up.
    async fn check_handled(
        &self,
        store: &Arc<dyn Store>,
        group: &Group,
        recorded: &Recorded,
    ) -> Result {
        let message = &recorded.message;
        let subscriber = Subscriber::of(group, message, self.sent.domain.lanes());
        match subscriber.stage(&**store, recorded).await? {
            Stage::Dead(dead) => Err(self.failed(&format!(
                "does not reach {}: {} has given up {} {}: {}; replay it with `dlq replay`",
                self.projection,
                group.handler,
                message.name(),
                message.id,
                dead.reason
            ))),
            _ => Ok(()),
        }
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

/// Waits for the next relevant commit, or until it is time to poll.
async fn changed(watch: &mut CommitWatch) -> Result {
    tokio::time::timeout(LOOK_INTERVAL, watch.changed()).await.unwrap_or(Ok(()))
}

/// What a message has caused so far, in the order of the log.
async fn effects(store: &dyn Store, cause: &Recorded) -> Result<Vec<Recorded>> {
    let correlation_id = Some(Arc::clone(&cause.message.correlation_id));
    let after = Some(cause.position);
    let mut find = Find { correlation_id, after, ..Find::first(PAGE_MESSAGES) };
    let mut ids = HashSet::from([Arc::clone(&cause.message.id)]);
    let mut effects = Vec::new();
    loop {
        let page = store.find(find.clone()).await?;
        let is_last = page.len() < PAGE_MESSAGES;
        find.after = page.last().map(|last| last.position);
        for recorded in page {
            let cause = recorded.message.causation_id.as_ref();
            if cause.is_some_and(|cause| ids.contains(cause)) {
                ids.insert(Arc::clone(&recorded.message.id));
                effects.push(recorded);
            }
        }
        if is_last {
            return Ok(effects);
        }
    }
}
