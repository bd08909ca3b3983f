//! Rebuilds a projection while servers run: its projectors fill a second table from the log, in the
//! backfill lane, and that one takes the place of the first.
//!
//! ```text
//! Rebuild::of ─▶ run ─▶ fill ─▶ swap ─▶ clear
//!                        │ a reader for each group, on the store as `successor` shows it
//! ```
//! Servers notice the swap and go on under the new ids ([`GroupReader::read`]).

pub(crate) mod successor;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use protean_core::domain::{
    DeclaredTable, Domain, Group, all_in_bulk, base_store, known_ids, open_beside, program_version,
};
use protean_port::message::Timestamp;
use protean_port::port::{
    Claim, DeadLetterRead, GroupRegistration, GroupStatus, ProgramVersion, Start, Store, TableSwap,
    ViewedStore, id_in_generation,
};
use protean_port::{Error, Result};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::bulk_steps::BulkSteps;
use crate::group_reader::GroupReader;
use crate::observe::metrics::Metrics;
use crate::pacing::Pacing;
use crate::pause::pause;
use crate::worker::newer_versions::NewerVersions;
use crate::worker::runner::HandlerRunner;
use crate::worker::seat::SlotPool;
use successor::SuccessorView;

/// How often the progress is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
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
    _claim: Box<dyn Claim>,
}

/// How far a rebuild is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RebuildProgress {
    /// Messages of the log that its groups have settled in the successor.
    pub settled: u64,
    /// Messages that they have still to settle.
    pub missing: u64,
}

/// How a rebuild ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebuildEnd {
    /// The projection is read from its new table.
    Swapped,
    /// It was stopped; the next call goes on from here.
    Stopped,
}

/// The rebuilds of one projection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RebuildStatus {
    /// The projection.
    pub projection: &'static str,
    /// Its table.
    pub table: String,
    /// How often it was built: once at first.
    pub generation: u64,
    /// How far a rebuild is that has begun.
    pub rebuild: Option<RebuildProgress>,
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
        let name = format!("{}.rebuild:{}", domain.name(), projection.name);
        let claim = store.claim(&name).await?.ok_or_else(|| {
            Error::misused(format!("another process rebuilds {} now", projection.name))
        })?;
        let swap = swap_of(domain, &projection, &groups);
        Ok(Self { domain: all_in_bulk(domain), store, projection, groups, swap, _claim: claim })
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
                    self.store.clear(&self.swap).await?;
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

    /// Gives a rebuild up, with what it has filled so far.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn abandon(&self) -> Result {
        self.store.abandon(&self.swap).await
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
        self.store.clear(&former).await
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

    /// Lets the projectors run until they have caught up; false when it was stopped before.
    async fn fill(
        &self,
        stop: &CancellationToken,
        observe: &mut impl FnMut(RebuildProgress),
    ) -> Result<bool> {
        let term = stop.child_token();
        let mut readers = self.start(&term);
        let filled = self.watch(stop, &mut readers, observe).await;
        term.cancel();
        while let Some(ended) = readers.join_next().await {
            ended
                .map_err(|panicked| Error::failed("a projector panicked").with_source(panicked))?;
        }
        if !filled? {
            return Ok(false);
        }
        self.check_accounts().await.map(|()| true)
    }

    fn start(&self, stop: &CancellationToken) -> JoinSet<()> {
        let pacing = Arc::new(Pacing::none());
        let metrics = Metrics::of(&self.domain, Arc::clone(&pacing));
        let steps = BulkSteps::of_machine(&self.domain, pacing);
        let slots = SlotPool::of(&self.domain.config().server);
        let alone = Arc::new(Semaphore::new(1));
        let view = ViewedStore::new(Arc::clone(&self.store), SuccessorView::of(&self.swap));
        let store: Arc<dyn Store> = Arc::new(view);
        let mut readers = JoinSet::new();
        for (group, id) in self.ids() {
            let group = Arc::new(group.with_id(id.into()));
            let of = metrics.groups().iter().find(|of| {
                of.group.category == group.category && of.group.handler == group.handler
            });
            let Some(metrics) = of else { continue };
            let runner = HandlerRunner {
                domain: self.domain.clone(),
                store: Arc::clone(&store),
                steps: steps.clone(),
                faults: Arc::default(),
                newer: Arc::new(NewerVersions::of(&self.domain, &group)),
                only_table: Some(self.swap.table.name.as_str().into()),
                group,
            };
            let reader = GroupReader {
                runner,
                metrics: Arc::clone(metrics),
                slots: slots.clone(),
                alone: Arc::clone(&alone),
                own_notes: Arc::default(),
                stop: stop.clone(),
            };
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
        let mut committed_before = None;
        loop {
            let statuses = self.statuses().await?;
            self.check_dead(&statuses).await?;
            let progress = progress_of(&statuses);
            observe(progress);
            let parked: u64 = statuses.values().map(GroupStatus::parked).sum();
            let committed: u64 = statuses.values().map(|status| status.committed).sum();
            // What came in since the last look is handled after the swap, as it would be by then.
            let arrived =
                committed_before.replace(committed).map_or(0, |before| committed - before);
            if parked == 0 && progress.missing <= arrived {
                return Ok(true);
            }
            tokio::select! {
                ended = readers.join_next() => {
                    if let Some(Err(panicked)) = ended {
                        return Err(Error::failed("a projector panicked").with_source(panicked));
                    }
                }
                goes_on = pause(stop, LOOK_INTERVAL) => if !goes_on { return Ok(false) },
            }
        }
    }

    /// The status of each group in the successor, by id and category.
    async fn statuses(&self) -> Result<BTreeMap<(String, String), GroupStatus>> {
        let mut statuses = BTreeMap::new();
        for (group, id) in self.ids() {
            let status = self.store.group_status(id, &group.category).await?;
            statuses.insert((id.to_owned(), group.category.to_string()), status);
        }
        Ok(statuses)
    }

    /// # Errors
    /// When a message was given up, which the rows would lack.
    async fn check_dead(&self, statuses: &BTreeMap<(String, String), GroupStatus>) -> Result {
        for (group, id) in self.ids() {
            let status = statuses.get(&(id.to_owned(), group.category.to_string()));
            let count = status.map_or(0, GroupStatus::dead);
            if count == 0 {
                continue;
            }
            let read = DeadLetterRead {
                group: id.to_owned(),
                category: group.category.clone(),
                after: 0,
                before: Timestamp::MAX,
                limit: 1,
            };
            let first = self.store.dead_letters(read).await?.pop();
            let first = first.map_or_else(String::new, |dead| {
                let message = &dead.recorded.message;
                format!(
                    ", first {} at position {}: {}",
                    message.name(),
                    dead.recorded.position,
                    dead.reason
                )
            });
            return Err(Error::failed(format!(
                "{} cannot handle {count} messages{first}. The table stays as it was: mend the \
                 projector and rebuild again",
                group.handler
            )));
        }
        Ok(())
    }

    /// # Errors
    /// When a message is in no term of an account, or in two.
    async fn check_accounts(&self) -> Result {
        for ((id, category), status) in self.statuses().await? {
            if !status.closes() {
                return Err(Error::failed(format!(
                    "the account of '{id}' in '{category}' does not close: {} messages, {} settled, \
                     {} on the way",
                    status.committed,
                    status.settled(),
                    status.lag()
                )));
            }
        }
        info!(projection = self.projection.name, "the successor has caught up");
        Ok(())
    }
}

/// Where the rebuilds of each projection stand that a projector keeps, by name.
///
/// # Errors
/// When the store cannot be opened or read.
pub async fn rebuilds(domain: &Domain) -> Result<Vec<RebuildStatus>> {
    let store = base_store(domain).await?;
    let registered = store.registered_groups().await?;
    let mut names: Vec<&str> =
        domain.groups().iter().filter_map(|group| Some(group.projection.as_ref()?.name)).collect();
    names.sort_unstable();
    names.dedup();
    let mut found = Vec::new();
    for name in names {
        let (projection, groups) = projected(domain, name)?;
        let swap = swap_of(domain, &projection, &groups);
        let now: Vec<_> = swap.groups.iter().map(|of| (&*of.name, &*of.before)).collect();
        let mut rebuild = None;
        for group in &groups {
            let Some(of) = swap.groups.iter().find(|of| *of.name == *group.name) else { continue };
            let is_begun = registered
                .iter()
                .any(|known| known.group == of.after && known.category == group.category);
            if is_begun {
                let status = store.group_status(&of.after, &group.category).await?;
                let RebuildProgress { settled, missing } = rebuild.unwrap_or_default();
                rebuild = Some(RebuildProgress {
                    settled: settled + status.settled(),
                    missing: missing + status.lag(),
                });
            }
        }
        found.push(RebuildStatus {
            projection: projection.name,
            table: projection.table.name.clone(),
            generation: TableSwap::next_generation(&now) - 1,
            rebuild,
        });
    }
    Ok(found)
}

/// A projection, and the groups of its projectors.
fn projected(domain: &Domain, name: &str) -> Result<(DeclaredTable, Vec<Arc<Group>>)> {
    let keeps = |group: &&Arc<Group>| group.projection.as_ref().is_some_and(|of| of.name == name);
    let groups: Vec<_> = domain.groups().iter().filter(keeps).cloned().collect();
    match groups.first().and_then(|group| group.projection.clone()) {
        Some(projection) => Ok((projection, groups)),
        None => Err(Error::misused(format!("no projector keeps a projection '{name}'"))),
    }
}

/// The swap that ends the next rebuild.
fn swap_of(domain: &Domain, projection: &DeclaredTable, groups: &[Arc<Group>]) -> TableSwap {
    let ids = known_ids(domain).current();
    let mut named: Vec<(&str, &str)> =
        groups.iter().map(|group| (&*group.name, ids.id(&group.name))).collect();
    // A handler has a group for each category, all of one name.
    named.sort_unstable();
    named.dedup();
    let number = TableSwap::next_generation(&named);
    TableSwap::to_generation((*projection.table).clone(), number, &named)
}

fn progress_of(statuses: &BTreeMap<(String, String), GroupStatus>) -> RebuildProgress {
    RebuildProgress {
        settled: statuses.values().map(GroupStatus::settled).sum(),
        missing: statuses.values().map(GroupStatus::lag).sum(),
    }
}
