//! Repositories: how handlers get aggregates and projections, and add them back.

use std::sync::Arc;

use protean_port::message::{Id, Timestamp};
use protean_port::{Error, Result, Violations};

use super::history::{load, version_as_of};
use super::selection::Selection;
use super::storage::{Queryable, Storage};
use super::unit::Unit;
use crate::catalog::Layout;
use crate::model::{Replay, Stored};

/// Reads instances of one type, outside of any unit of work: each call sees
/// what is committed by then.
pub struct Reader<T> {
    unit: Arc<Unit>,
    kept: std::marker::PhantomData<fn() -> T>,
}

impl<T> Reader<T> {
    /// A unit remembers what it has seen, so every look has its own.
    fn look(&self) -> Arc<Unit> {
        Arc::new(self.unit.anew())
    }
}

impl<T> Reader<T>
where
    T: Stored,
    T::Storage: Storage<T>,
{
    pub(crate) fn new(unit: Arc<Unit>) -> Self {
        Self { unit, kept: std::marker::PhantomData }
    }

    /// The instance with this identity.
    ///
    /// # Errors
    /// [`Error::is_not_found`] when there is none; [`Error::is_unavailable`]
    /// when the store cannot be read.
    pub async fn get(&self, id: &Id) -> Result<T> {
        Repository::new(self.look()).get(id).await
    }

    /// The instance with this identity, when there is one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find(&self, id: &Id) -> Result<Option<T>> {
        Repository::new(self.look()).find(id).await
    }

    /// Selects rows. Event-sourced aggregates have none, so this does not compile for them: query a
    /// projection.
    pub fn query(&self) -> Selection<T>
    where
        T::Storage: Queryable<T>,
    {
        Selection::new(self.look())
    }
}

impl<A: Replay> Reader<A> {
    /// The instance as it was after its event number `version`, counted from 0:
    /// to read, it can neither be changed nor kept.
    ///
    /// # Errors
    /// [`Error::is_not_found`] when it has no such event; [`Error::is_unavailable`]
    /// when the store cannot be read.
    pub async fn at_version(&self, id: &Id, version: u64) -> Result<A> {
        let found = load::<A>(&self.look(), id, Some(version)).await?;
        let found = found.filter(|found| found.root().version() == Some(version));
        let mut past = found.ok_or_else(|| {
            Error::not_found(format!("{} at version {version}", A::NAME), id.as_str())
        })?;
        let barred = format!(
            "{} '{id}' was read as of version {version} and cannot be changed: get the current one",
            A::NAME
        );
        past.root_mut().bar(Violations::of("version", barred));
        Ok(past)
    }

    /// The instance as it was at a moment: after its last event of that time or
    /// before. To read, it can neither be changed nor kept.
    ///
    /// # Errors
    /// [`Error::is_not_found`] when nothing had happened to it yet;
    /// [`Error::is_unavailable`] when the store cannot be read.
    pub async fn as_of(&self, id: &Id, moment: Timestamp) -> Result<A> {
        let unit = self.look();
        let stream = unit.env.catalog.names::<A>()?.category.stream(id);
        match version_as_of(&unit, &stream, moment).await? {
            Some(version) => self.at_version(id, version).await,
            None => Err(Error::not_found(format!("{} as of {moment}", A::NAME), id.as_str())),
        }
    }
}

/// Gets and keeps instances of one type, within a unit of work.
///
/// [`get`](Self::get) and [`find`](Self::find) see what the unit itself has
/// changed; [queries](Self::query) see what is committed.
pub struct Repository<T> {
    unit: Arc<Unit>,
    kept: std::marker::PhantomData<fn() -> T>,
}

impl<T> Repository<T>
where
    T: Stored,
    T::Storage: Storage<T>,
{
    pub(crate) fn new(unit: Arc<Unit>) -> Self {
        Self { unit, kept: std::marker::PhantomData }
    }

    /// The instance with this identity.
    ///
    /// # Errors
    /// [`Error::is_not_found`] when there is none; [`Error::is_unavailable`]
    /// when the store cannot be read.
    pub async fn get(&self, id: &Id) -> Result<T> {
        let found = self.find(id).await?;
        found.ok_or_else(|| Error::not_found(<T::Storage as Layout<T>>::name(), id.as_str()))
    }

    /// The instance with this identity, when there is one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find(&self, id: &Id) -> Result<Option<T>> {
        <T::Storage as Storage<T>>::find(&self.unit, id).await
    }

    /// Keeps an instance, new or changed, with the events it has raised, when
    /// the unit of work commits.
    ///
    /// # Errors
    /// When its fields or invariants do not hold; nothing of it is kept then.
    pub async fn add(&self, instance: T) -> Result {
        <T::Storage as Storage<T>>::add(&self.unit, instance).await
    }

    /// Removes an instance when the unit of work commits.
    ///
    /// # Errors
    /// [`Error::misused`] for an event-sourced aggregate: what has happened
    /// stays; raise an event that ends it.
    pub async fn remove(&self, instance: T) -> Result {
        <T::Storage as Storage<T>>::remove(&self.unit, instance).await
    }

    /// Selects rows. Event-sourced aggregates have none, so this does not compile for them: query a
    /// projection.
    pub fn query(&self) -> Selection<T>
    where
        T::Storage: Queryable<T>,
    {
        Selection::new(Arc::clone(&self.unit))
    }

    pub(super) fn unit(&self) -> &Unit {
        &self.unit
    }
}
