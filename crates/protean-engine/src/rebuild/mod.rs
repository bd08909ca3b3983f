//! Rebuilds a projection while servers run: its projectors fill a second table from the log, in the
//! backfill lane, and that one takes the place of the first.
//!
//! ```text
//! Rebuild::of ─▶ run ─▶ fill ─▶ swap ─▶ clear
//!                        │ a reader for each group, on the store as `successor` shows it
//! ```
//! Servers notice the swap and go on under the new ids ([`GroupReader::read`]).

mod fill;
mod progress;
mod projection;
mod status;
pub(crate) mod successor;

pub use progress::RebuildProgress;
pub use projection::rebuild_claim;
pub use status::{RebuildStatus, rebuilds};

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use protean_core::domain::{
    DeclaredTable, Domain, Group, all_in_bulk, base_store, open_beside, program_version,
};
use protean_port::message::Lane;
use protean_port::port::{
    Claim, GroupRegistration, ProgramVersion, Start, Store, TableSwap, id_in_generation,
};
use protean_port::{Error, Result};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::bulk_steps::BulkSteps;
use crate::pacing::Pacing;
use crate::pause::pause;
use progress::progress_of;
use projection::{projected, swap_of};

/// The wait before a swap is tried again that a query on the table has kept off.
const SWAP_RETRY_DELAY: Duration = Duration::from_millis(500);
/// How often that is tried.
const SWAP_TRIES: usize = 20;

/// The rebuild of one projection.
pub struct Rebuild {
    domain: Domain,
    store: Arc<dyn Store>,
    projection: DeclaredTable,
    /// The groups of its projectors, one for each category.
    groups: Vec<Arc<Group>>,
    swap: TableSwap,
    steps: BulkSteps,
    _claim: Box<dyn Claim>,
}

/// How a rebuild ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebuildEnd {
    /// The projection is read from its new table.
    Swapped,
    /// It was stopped; the next call goes on from here.
    Stopped,
}

impl Rebuild {
    /// Takes the rebuild of a projection in hand, also one that was interrupted. The store of the
    /// domain must not have been opened.
    ///
    /// # Errors
    /// When the domain has no such projection, nothing fills it, another process rebuilds it, or
    /// something rests on its table that would not go along.
    pub async fn of(domain: &Domain, projection: &str) -> Result<Self> {
        let (projection, groups) = projected(domain, projection)?;
        open_beside(domain, &projection.table.name).await?;
        let store = Arc::clone(base_store(domain).await?);
        let claim =
            store.claim(&rebuild_claim(domain, projection.name)).await?.ok_or_else(|| {
                Error::misused(format!("another process rebuilds {} now", projection.name))
            })?;
        let swap = swap_of(domain, &projection, &groups);
        let domain = all_in_bulk(domain);
        let steps = BulkSteps::of_machine(&domain, Arc::new(Pacing::none()));
        Ok(Self { domain, store, projection, groups, swap, steps, _claim: claim })
    }

    /// Fills the successor and puts it in the place of the table. When `shutdown` completes before,
    /// what runs is finished; then, as after an abrupt end, another call goes on from there.
    /// `observe` is called now and then. Cancel safe.
    ///
    /// # Errors
    /// When a message cannot be handled, something rests on the table, or the store fails.
    pub async fn run(
        &self,
        shutdown: impl Future<Output = ()>,
        observe: impl FnMut(RebuildProgress),
    ) -> Result<RebuildEnd> {
        let stop = CancellationToken::new();
        let mut working = pin!(self.work(&stop, observe));
        tokio::select! {
            end = &mut working => end,
            () = shutdown => {
                stop.cancel();
                working.await
            }
        }
    }

    async fn work(
        &self,
        stop: &CancellationToken,
        mut observe: impl FnMut(RebuildProgress),
    ) -> Result<RebuildEnd> {
        // What a process has left that ended after its swap.
        self.clear_former().await?;
        self.swap.check_dependents(&self.store.dependents(&self.swap.table.name).await?)?;
        self.begin().await?;
        for _ in 0..SWAP_TRIES {
            if !self.fill(stop, &mut observe).await? {
                return Ok(RebuildEnd::Stopped);
            }
            self.store.equip(&self.swap).await?;
            match self.store.swap(&self.swap).await {
                Ok(()) => {
                    self.settle_rest(stop).await?;
                    self.clear(&self.swap).await?;
                    return Ok(RebuildEnd::Swapped);
                }
                Err(held_off) if held_off.is_unavailable() => {
                    warn!(error = format_args!("{held_off:#}"), "cannot swap the tables yet");
                    pause(stop, SWAP_RETRY_DELAY).await;
                }
                Err(failed) => return Err(failed),
            }
        }
        let table = &self.swap.table.name;
        Err(Error::unavailable(format!(
            "the successor is filled, but queries on '{table}' kept it off: run the rebuild again"
        )))
    }

    /// Gives a rebuild up, with what it has filled so far, and what one has left that ended after its
    /// swap.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn abandon(&self) -> Result {
        self.clear_former().await?;
        while self.steps.run(Lane::Backfill, self.store.abandon(&self.swap)).await? {}
        Ok(())
    }

    /// Where the rebuild stands.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn progress(&self) -> Result<RebuildProgress> {
        Ok(progress_of(&self.statuses().await?))
    }

    async fn clear_former(&self) -> Result {
        let DeclaredTable { table, .. } = &self.projection;
        let now: Vec<_> = self.swap.groups.iter().map(|of| (&*of.name, &*of.before)).collect();
        let number = TableSwap::next_generation(&now) - 1;
        if number == 1 {
            return Ok(());
        }
        let mut former = TableSwap::to_generation((**table).clone(), number, &now);
        for group in &mut former.groups {
            group.before = id_in_generation(&group.before, number - 1);
        }
        self.clear(&former).await
    }

    /// In steps of bulk work: there may be millions of rows.
    async fn clear(&self, swap: &TableSwap) -> Result {
        while self.steps.run(Lane::Backfill, self.store.clear(swap)).await? {}
        Ok(())
    }

    /// Makes the successor and registers its groups, or goes on with those of an earlier call. What
    /// was filled by another version of the program, or with failures, is not gone on with.
    async fn begin(&self) -> Result {
        let statuses = self.statuses().await?;
        let has_failed = statuses.values().any(|status| status.dead() > 0);
        if has_failed || !self.is_same_version().await? {
            self.abandon().await?;
        }
        let registrations = self.registrations();
        let prepared = self.store.prepare(&[self.swap.successor()], &registrations).await;
        match prepared {
            Err(misfit) if misfit.is_misuse() => {
                self.abandon().await?;
                self.store.prepare(&[self.swap.successor()], &registrations).await?;
            }
            prepared => prepared?,
        }
        self.store.equip(&self.swap).await
    }

    /// False when another version of the program has begun to fill the successor.
    async fn is_same_version(&self) -> Result<bool> {
        let registered = self.store.registered_groups().await?;
        let same = self.registrations().into_iter().all(|own| {
            let known = registered
                .iter()
                .find(|known| known.group == own.group && known.category == own.category);
            known.is_none_or(|known| known.versions.newest() == Some(&own.version))
        });
        Ok(same)
    }

    fn registrations(&self) -> Vec<GroupRegistration> {
        let registration = |(group, id): (&Arc<Group>, &str)| GroupRegistration {
            version: self.version(group),
            ..GroupRegistration::new(id, group.category.clone(), Start::Beginning)
        };
        self.ids().map(registration).collect()
    }

    fn version(&self, group: &Group) -> ProgramVersion {
        program_version(self.domain.groups(), group)
    }

    /// The groups, each with the id that it gets.
    fn ids(&self) -> impl Iterator<Item = (&Arc<Group>, &str)> {
        self.groups.iter().filter_map(|group| {
            let of = self.swap.groups.iter().find(|of| *of.name == *group.name)?;
            Some((group, &*of.after))
        })
    }
}
