//! Repositories: how aggregates and projections are got and kept.

use std::sync::Arc;

use super::selection::Selection;
use super::storage::Storage;
use super::unit::Unit;
use crate::message::Id;
use crate::model::Kept;
use crate::{Error, Result};

/// Reads instances of one type, outside of any unit of work.
pub struct Reader<T>(Repository<T>);

impl<T> Reader<T>
where
    T: Kept,
    T::Storage: Storage<T>,
{
    pub(super) fn new(unit: Arc<Unit>) -> Self {
        Self(Repository::new(unit))
    }

    /// The instance with this identity.
    ///
    /// # Errors
    /// [`Error::is_not_found`] when there is none; [`Error::is_unavailable`]
    /// when the store cannot be read.
    pub async fn get(&self, id: &Id) -> Result<T> {
        self.0.get(id).await
    }

    /// The instance with this identity, when there is one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find(&self, id: &Id) -> Result<Option<T>> {
        self.0.find(id).await
    }

    /// Selects rows. Event-sourced aggregates have none: query a projection.
    pub fn query(&self) -> Selection<T> {
        self.0.query()
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
    T: Kept,
    T::Storage: Storage<T>,
{
    pub(super) fn new(unit: Arc<Unit>) -> Self {
        Self { unit, kept: std::marker::PhantomData }
    }

    /// The instance with this identity.
    ///
    /// # Errors
    /// [`Error::is_not_found`] when there is none; [`Error::is_unavailable`]
    /// when the store cannot be read.
    pub async fn get(&self, id: &Id) -> Result<T> {
        let found = self.find(id).await?;
        found.ok_or_else(|| Error::not_found(<T::Storage as Storage<T>>::name(), id.as_str()))
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

    /// Selects rows. Event-sourced aggregates have none: query a projection.
    pub fn query(&self) -> Selection<T> {
        Selection::new(Arc::clone(&self.unit))
    }
}
