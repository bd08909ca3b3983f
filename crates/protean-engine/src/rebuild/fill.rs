//! Fills the successor: a reader for each group, until they have caught up.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use protean_core::config::Processing;
use protean_port::message::Timestamp;
use protean_port::port::{DeadLetter, DeadLetterRead, GroupStatus, Store, ViewedStore};
use protean_port::{Error, Result};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::Rebuild;
use super::progress::{RebuildProgress, Statuses};
use super::successor::SuccessorView;
use crate::group_reader::{GroupReader, ServerSlots};
use crate::observe::metrics::GroupMetrics;
use crate::pause::pause;
use crate::worker::runner::HandlerRunner;

/// The time between two looks at the progress.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// Looks in the time that a message may take through a rebuild that steps aside: what came in
/// meanwhile does not hold the swap up.
const LOOKS_PER_MESSAGE: usize = 5;
/// How often it is looked at after the swap.
const REST_INTERVAL: Duration = Duration::from_millis(20);

impl Rebuild {
    /// Lets the projectors run until they have caught up; false when it was stopped before.
    pub(super) async fn fill(
        &self,
        stop: &CancellationToken,
        observe: &mut impl FnMut(RebuildProgress),
    ) -> Result<bool> {
        let term = stop.child_token();
        let view = ViewedStore::new(Arc::clone(&self.store), SuccessorView::of(&self.swap));
        let only_table = Some(self.swap.table.name.as_str().into());
        let mut readers = self.start(Arc::new(view), only_table, &term);
        let filled = self.watch(stop, &mut readers, observe).await;
        term.cancel();
        self.drain(readers).await?;
        if !filled? {
            return Ok(false);
        }
        self.check_accounts().await.map(|()| true)
    }

    /// Lets the projectors handle what came in before the swap, where events are processed at once
    /// and no server may ever run.
    pub(super) async fn settle_rest(&self, stop: &CancellationToken) -> Result {
        if self.domain.config().event_processing != Processing::Sync {
            return Ok(());
        }
        let term = stop.child_token();
        let readers = self.start(Arc::clone(&self.store), None, &term);
        let mut settled = Ok(false);
        while matches!(settled, Ok(false)) && pause(&term, REST_INTERVAL).await {
            settled = self.progress().await.map(|progress| progress.missing == 0);
        }
        term.cancel();
        self.drain(readers).await?;
        settled.map(drop)
    }

    /// Waits for what runs, as long as a server that stops: what it does may never be committed.
    async fn drain(&self, mut readers: JoinSet<()>) -> Result {
        let ending = async {
            while let Some(ended) = readers.join_next().await {
                ended.map_err(panicked)?;
            }
            Ok(())
        };
        let drain = self.domain.config().server.drain_timeout;
        tokio::time::timeout(drain, ending).await.unwrap_or(Ok(()))
    }

    fn start(
        &self,
        store: Arc<dyn Store>,
        only_table: Option<Arc<str>>,
        stop: &CancellationToken,
    ) -> JoinSet<()> {
        let slots = ServerSlots::of(&self.domain.config().server);
        let mut readers = JoinSet::new();
        for group in &self.groups {
            let metrics = Arc::new(GroupMetrics::of(group, &self.domain));
            let (store, group) = (Arc::clone(&store), Arc::clone(group));
            let runner = HandlerRunner::new(&self.domain, store, group, &self.steps);
            let runner = HandlerRunner { only_table: only_table.clone(), ..runner };
            let reader = GroupReader::new(runner, &metrics, &slots, stop);
            readers.spawn(async move { reader.read_log().await });
        }
        readers
    }

    async fn watch(
        &self,
        stop: &CancellationToken,
        readers: &mut JoinSet<()>,
        observe: &mut impl FnMut(RebuildProgress),
    ) -> Result<bool> {
        let mut committed_before = VecDeque::new();
        loop {
            let statuses = self.statuses().await?;
            self.check_dead(&statuses).await?;
            let progress = statuses.progress();
            observe(progress);
            let parked = statuses.sum(GroupStatus::parked);
            let committed = statuses.sum(|status| status.committed);
            // What came in just now is handled after the swap, as it would be by then.
            committed_before.push_back(committed);
            if committed_before.len() > LOOKS_PER_MESSAGE + 1 {
                committed_before.pop_front();
            }
            let arrived = committed - committed_before[0];
            if parked == 0 && progress.missing <= arrived {
                return Ok(true);
            }
            tokio::select! {
                ended = readers.join_next() => {
                    if let Some(Err(error)) = ended {
                        return Err(panicked(error));
                    }
                }
                goes_on = pause(stop, LOOK_INTERVAL) => if !goes_on { return Ok(false) },
            }
        }
    }

    /// # Errors
    /// When a message was given up, which the rows would lack.
    async fn check_dead(&self, statuses: &Statuses<'_>) -> Result {
        let Some((group, status)) = statuses.0.iter().find(|(_, status)| status.dead() > 0) else {
            return Ok(());
        };
        let read = DeadLetterRead {
            group: group.name.to_string(),
            category: group.category.clone(),
            after: 0,
            before: Timestamp::MAX,
            limit: 1,
        };
        let first = self.store.dead_letters(read).await?.pop();
        let first = first.map_or_else(String::new, |DeadLetter { recorded, reason, .. }| {
            format!(
                ", first {} at position {}: {reason}",
                recorded.message.name(),
                recorded.position
            )
        });
        Err(Error::failed(format!(
            "{} cannot handle {} messages{first}. The table stays as it was: mend the projector and \
             rebuild again",
            group.handler,
            status.dead()
        )))
    }

    /// # Errors
    /// When a message is in no term of an account, or in two.
    async fn check_accounts(&self) -> Result {
        for (group, status) in self.statuses().await?.0 {
            if !status.closes() {
                return Err(Error::failed(format!(
                    "the account of '{}' in '{}' does not add up: {} messages, {} settled, {} on the \
                     way",
                    group.name,
                    group.category,
                    status.committed,
                    status.settled(),
                    status.lag()
                )));
            }
        }
        info!(table = %self.swap.table.name, "the successor has caught up");
        Ok(())
    }
}

fn panicked(error: JoinError) -> Error {
    Error::failed("a projector panicked").with_source(error)
}
