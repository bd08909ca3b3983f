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
pub use projection::{projections, rebuild_claim};
pub use status::{RebuildStatus, rebuilds};

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use protean_core::domain::{Domain, Group, all_in_bulk, look, program_version};
use protean_port::message::Lane;
use protean_port::port::{
    Claim, GroupRegistration, GroupStatus, GroupVersions, ProgramVersion, RegisteredGroup, Start,
    Store, TableSwap, id_in_generation,
};
use protean_port::{Error, Result};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::bulk_steps::BulkSteps;
use crate::pacing::Pacing;
use crate::pause::pause;
use progress::Statuses;
use projection::Planned;

/// The wait before a swap is tried again that a query on the table has kept off.
const SWAP_RETRY_DELAY: Duration = Duration::from_millis(500);
/// How often that is tried.
const SWAP_TRIES: usize = 20;
/// The wait after a swap, in which servers go over to the new table, before the old one is deleted.
const CLEAR_DELAY: Duration = Duration::from_secs(1);

/// The rebuild of one projection.
pub struct Rebuild {
    domain: Domain,
    store: Arc<dyn Store>,
    /// The groups that fill the successor, one for each category, under the ids that they have there.
    groups: Vec<Arc<Group>>,
    swap: TableSwap,
    steps: BulkSteps,
    claim: Box<dyn Claim>,
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
    /// Takes the rebuild of a projection in hand, also one that was interrupted. Tables need not have
    /// the declared form.
    ///
    /// # Errors
    /// When no projector keeps such a projection, another process rebuilds it, or the store fails.
    pub async fn of(domain: &Domain, projection: &str) -> Result<Self> {
        let store = Arc::clone(look(domain).await?);
        let claim = store
            .claim(&rebuild_claim(domain, projection))
            .await?
            .ok_or_else(|| Error::misused(format!("another process rebuilds {projection} now")))?;
        // The framework's own tables may be of an earlier release; those of the program stay.
        store.prepare(&[], &[]).await?;
        // From here on no other process changes them.
        let ids = store.group_ids().await?;
        let Planned { groups, swap, .. } = Planned::of(domain, projection, &ids)?;
        let domain = all_in_bulk(domain).await?;
        let steps = BulkSteps::of_machine(&domain, Arc::new(Pacing::none()));
        Ok(Self { domain, store, groups, swap, steps, claim })
    }

    /// Fills the successor and puts it in the place of the table. When `shutdown` completes before,
    /// what runs is finished; then, as after an abrupt end, another call goes on from there.
    /// `observe` is called now and then. Cancel safe.
    ///
    /// # Errors
    /// When a message cannot be handled, a newer version of the program has the projector, something
    /// rests on the table that would not go along, the claim is lost, or the store fails.
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
            () = self.claim.lost() => {
                stop.cancel();
                match working.await? {
                    RebuildEnd::Swapped => Ok(RebuildEnd::Swapped),
                    RebuildEnd::Stopped => Err(Error::unavailable(
                        "the claim of the rebuild was lost, as when a connection ends: run it again",
                    )),
                }
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
            self.check_newest(&self.store.registered_groups().await?)?;
            match self.store.swap(&self.swap).await {
                Ok(()) => {
                    self.settle_rest(stop).await?;
                    pause(stop, CLEAR_DELAY).await;
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
        self.abandon_successor().await
    }

    async fn abandon_successor(&self) -> Result {
        while self.steps.run(Lane::Backfill, self.store.abandon(&self.swap)).await? {}
        Ok(())
    }

    /// Where the rebuild stands.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn progress(&self) -> Result<RebuildProgress> {
        Ok(self.statuses().await?.progress())
    }

    async fn statuses(&self) -> Result<Statuses<'_>> {
        Statuses::read(&*self.store, &self.groups).await
    }

    /// What rebuilds have left that ended after their swap.
    async fn clear_former(&self) -> Result {
        for number in 1..self.swap.number() {
            let table = self.swap.table.clone();
            let mut former = TableSwap {
                groups: self.swap.groups.clone(),
                ..TableSwap::to_generation(table, number + 1, &[])
            };
            for group in &mut former.groups {
                group.before = id_in_generation(&group.before, number);
            }
            self.clear(&former).await?;
        }
        Ok(())
    }

    /// In steps of bulk work: there may be millions of rows.
    async fn clear(&self, swap: &TableSwap) -> Result {
        while self.steps.run(Lane::Backfill, self.store.clear(swap)).await? {}
        Ok(())
    }

    /// Makes the successor and registers its groups, or goes on with those of an earlier call. What
    /// was filled by another version of the program, or with failures, or was given up in part, is
    /// not gone on with.
    async fn begin(&self) -> Result {
        let registered = self.store.registered_groups().await?;
        self.check_newest(&registered)?;
        let has_failed = self.statuses().await?.sum(GroupStatus::dead) > 0;
        let is_own = |group: &Arc<Group>| {
            let known = versions(&registered, &group.name, group);
            known.is_some_and(|known| known.newest() == Some(&self.version(group)))
        };
        if has_failed || !self.groups.iter().all(is_own) {
            self.abandon_successor().await?;
        }
        let registrations = self.registrations(&registered);
        let prepared = self.store.prepare(&[self.swap.successor()], &registrations).await;
        match prepared {
            Err(misfit) if misfit.is_misuse() => {
                self.abandon_successor().await?;
                self.store.prepare(&[self.swap.successor()], &registrations).await?;
            }
            prepared => prepared?,
        }
        self.store.equip(&self.swap).await
    }

    /// Makes sure that no newer version of the program has the groups: it may take messages that
    /// this one passes over.
    fn check_newest(&self, registered: &[RegisteredGroup]) -> Result {
        let is_older = |group: &&Arc<Group>| {
            let known = self.before(group).and_then(|id| versions(registered, id, group));
            known.is_some_and(|known| known.has_newer(&self.version(group)))
        };
        match self.groups.iter().find(is_older) {
            None => Ok(()),
            Some(group) => Err(Error::misused(format!(
                "a newer version of the program has {}: rebuild with that one, or make this one the \
                 newest with `subscriptions promote`",
                group.handler
            ))),
        }
    }

    /// The groups begin with the first message. They have been had by the versions of the program
    /// that have had the former ones, in the same order, and by this one.
    fn registrations(&self, registered: &[RegisteredGroup]) -> Vec<GroupRegistration> {
        let of_group = |group: &Arc<Group>| {
            let before = self.before(group).and_then(|id| versions(registered, id, group));
            let before = before.map(GroupVersions::in_order).unwrap_or_default().to_vec();
            let registration = |version| GroupRegistration {
                version,
                start: Start::Beginning,
                ..group.registration()
            };
            before.into_iter().chain([self.version(group)]).map(registration).collect::<Vec<_>>()
        };
        self.groups.iter().flat_map(of_group).collect()
    }

    fn version(&self, group: &Group) -> ProgramVersion {
        program_version(self.domain.groups(), group)
    }

    /// The id that a group of the successor had before.
    fn before(&self, group: &Group) -> Option<&str> {
        let of = self.swap.groups.iter().find(|of| *of.after == *group.name)?;
        Some(&of.before)
    }
}

/// The versions of the program that have had the group with this id, in the category of another.
fn versions<'a>(
    registered: &'a [RegisteredGroup],
    id: &str,
    group: &Group,
) -> Option<&'a GroupVersions> {
    let mut registered = registered.iter();
    let known = registered.find(|known| known.group == id && known.category == group.category)?;
    Some(&known.versions)
}
