//! A domain that is wired and ready.

use std::any::TypeId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use protean_port::Result;
use protean_port::message::{Id, Lane, LaneRule, Priority};
use protean_port::port::{Clock, CommitWatch, Location, Provider, Store, ViewedStore, Watched};
use tokio::sync::OnceCell;

use super::brokers::Brokers;
use super::ids::KnownIds;
use super::instance_queues::InstanceQueues;
use super::misfit::misfit;
use super::passed_over::newcomers;
use super::registrations::registrations;
use crate::catalog::Catalog;
use crate::config::Config;
use crate::handling::{Failure, Group, HandlerInput, Handlers};
use crate::model::{Query, Stored};
use crate::unit::{
    Context, Enrichment, Env, MessageContext, ReadOptions, Reader, Storage, Unit, current_priority,
};

/// A domain that is wired and ready: processes commands, answers queries,
/// opens units of work. Cheap to clone; clones share everything.
///
/// The store is opened and prepared when it is first needed.
#[derive(Clone)]
pub struct Domain {
    shared: Arc<Shared>,
    env: Arc<Env>,
    priority: Option<Priority>,
}

pub(super) struct Shared {
    pub(super) name: String,
    pub(super) handlers: Handlers,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) location: Location,
    pub(super) store: OnceCell<OpenedStore>,
    /// Set once the store has the tables and the groups of this program.
    pub(super) prepared: OnceCell<()>,
    pub(super) ids: KnownIds,
    pub(super) brokers: Brokers,
    pub(super) instance_queues: InstanceQueues,
    /// The program only looks, so it registers no group and changes no table.
    pub(super) only_looks: AtomicBool,
}

/// The database of a domain.
pub(super) struct OpenedStore {
    /// As it is.
    pub(super) base: Arc<dyn Store>,
    /// With the groups under their names.
    pub(super) named: Arc<dyn Store>,
}

impl Domain {
    pub(super) fn new(shared: Shared, env: Arc<Env>) -> Self {
        Self { shared: Arc::new(shared), env, priority: None }
    }

    /// A handle that runs its units in another environment.
    pub(super) fn with_env(&self, env: Env) -> Self {
        Self { env: Arc::new(env), ..self.clone() }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The name it was declared with, which begins the names of its streams.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The configuration of `domain.toml`, with every default filled in.
    pub fn config(&self) -> &Config {
        &self.env.config
    }

    /// Its aggregates and projections.
    pub fn catalog(&self) -> &Catalog {
        &self.env.catalog
    }

    /// The groups of every handler, by name and category.
    pub fn groups(&self) -> &[Arc<Group>] {
        &self.shared.handlers.groups
    }

    /// What its units share, for what runs messages.
    #[doc(hidden)]
    pub fn env(&self) -> &Arc<Env> {
        &self.env
    }

    pub(super) fn handlers(&self) -> &Handlers {
        &self.shared.handlers
    }

    /// Which priorities belong to the backfill lane.
    pub fn lanes(&self) -> LaneRule {
        self.env.lanes
    }

    /// The clock that every moment in messages and retries comes from.
    pub fn clock(&self) -> &dyn Clock {
        &*self.env.clock
    }

    /// The store, opened and prepared. Safe to drop; the next call goes on.
    ///
    /// # Errors
    /// When the database cannot be opened, or has tables in another form.
    pub async fn store(&self) -> Result<&Arc<dyn Store>> {
        Ok(&self.opened().await?.named)
    }

    /// The store, as it is and with the groups under their names.
    pub(super) async fn opened(&self) -> Result<&OpenedStore> {
        match self.shared.only_looks.load(Ordering::Relaxed) {
            true => self.looked_at().await,
            false => self.prepared().await,
        }
    }

    /// The same with the tables and the groups of this program, whatever it was opened for.
    pub(super) async fn prepared(&self) -> Result<&OpenedStore> {
        let opened = self.looked_at().await?;
        self.shared.prepared.get_or_try_init(|| self.prepare(&*opened.named)).await?;
        Ok(opened)
    }

    /// The same with whatever the database has.
    pub(super) async fn looked_at(&self) -> Result<&OpenedStore> {
        self.shared.store.get_or_try_init(|| self.connect()).await
    }

    async fn connect(&self) -> Result<OpenedStore> {
        let opened = self.open().await?;
        self.shared.ids.follow(&opened.base, self.env().correlations.clone());
        self.env().store_clock.follow(&opened.base);
        // Without lanes there is no bulk work that could step aside.
        if self.lanes().threshold.is_some() {
            self.env().machine_turns.step_aside_for(self.arrivals(&opened));
        }
        Ok(opened)
    }

    /// Commits that bring messages of production.
    pub(super) fn arrivals(&self, opened: &OpenedStore) -> CommitWatch {
        let priorities = self.lanes().range(Lane::Primary);
        opened.base.watch(vec![Watched::AnyArrivals { priorities }])
    }

    /// Another store on the same database.
    pub(super) async fn open(&self) -> Result<OpenedStore> {
        let Shared { ids, provider, location, .. } = &*self.shared;
        let base = provider.open(location).await?;
        ids.refresh(&*base).await?;
        self.env().correlations.refresh(&*base).await?;
        self.env().store_clock.refresh(&*base).await?;
        ids.check(self.groups())?;
        let named = ViewedStore::new(Arc::clone(&base), ids.clone());
        Ok(OpenedStore { base, named: Arc::new(named) })
    }

    /// Prepares the tables and registers the groups of this program.
    pub(super) async fn prepare(&self, store: &dyn Store) -> Result {
        let (groups, tables) = (self.groups(), self.catalog().layout());
        // A database that is not prepared yet knows nobody; another fault shows in what follows.
        let registered = store.registered_groups().await.unwrap_or_default();
        if let Err(failed) = store.prepare(&tables, &registrations(groups)).await {
            return Err(misfit(groups, &tables, store, failed).await);
        }
        self.env().correlations.refresh(store).await?;
        for newcomer in newcomers(groups, &registered) {
            newcomer.warn_if_needed(store).await;
        }
        Ok(())
    }

    /// A handle whose commands have this priority unless the call says otherwise.
    /// Unlike a [`processing_priority`](crate::unit::processing_priority) scope it
    /// can be moved into a spawned task.
    #[must_use]
    pub fn with_priority(&self, priority: Priority) -> Self {
        Self { priority: Some(priority), ..self.clone() }
    }

    /// The priority of what is processed here now: the handle's, else the
    /// enclosing scope's, else NORMAL.
    pub fn priority(&self) -> Priority {
        self.priority.unwrap_or_else(current_priority)
    }

    /// Answers a query from what is committed.
    ///
    /// # Errors
    /// When the query breaks the rules of its fields, has no handler, or its
    /// handler fails.
    pub async fn dispatch<Q: Query>(&self, query: Q) -> Result<Q::Output> {
        query.check().into_result()?;
        let call = Arc::clone(self.handlers().query(TypeId::of::<Q>(), Q::NAME)?);
        let unit = self.unit().await?;
        let context = Context::new(unit, None);
        let answer = call(HandlerInput::Value(Box::new(query)), context).await;
        answer.map_err(Failure::into_error)?.take(Q::NAME)
    }

    /// What is committed of `T`, to read outside of any handler. To change
    /// something, [`process`](Self::process) a command or run a
    /// [`unit_of_work`](Self::unit_of_work).
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub async fn repository<T>(&self) -> Result<Reader<T>>
    where
        T: Stored,
        T::Storage: Storage<T>,
    {
        Ok(Reader::new(self.unit().await?))
    }

    /// A unit outside of any message.
    pub(super) async fn unit(&self) -> Result<Arc<Unit>> {
        let store = Arc::clone(self.store().await?);
        let cause = self.cause(None);
        Ok(Arc::new(Unit::new(Arc::clone(self.env()), store, cause, ReadOptions::default())))
    }

    /// What a unit that no message caused hands on.
    pub(super) fn cause(&self, correlation_id: Option<Arc<str>>) -> MessageContext {
        let mut enrichment = Enrichment::by(&self.env.enrichers);
        if enrichment.traceparent.is_none() {
            enrichment.traceparent = self.env.current_trace();
        }
        MessageContext {
            priority: self.priority(),
            correlation_id: correlation_id.unwrap_or_else(|| Id::new().into()),
            causation_id: None,
            seed: None,
            time: None,
            enrichment,
        }
    }
}
