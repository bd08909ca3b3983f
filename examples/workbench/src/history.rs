//! Reads the log page by page, outside every consumer group.

use std::sync::Arc;

use protean::message::{Category, Priority, Recorded};
use protean::model::{Aggregate, Event};
use protean::port::{LaneRead, Store};
use protean::{Domain, Error, Result};
use serde::de::DeserializeOwned;

use crate::outages::in_spite_of_outages;

/// The group this reader names: it is not registered and settles nothing.
const READER: &str = "workbench.history";
const PAGE: usize = 1000;
/// All priorities there are.
pub const EVERY_LANE: (Priority, Priority) = (Priority::new(i32::MIN), Priority::new(i32::MAX));

/// The messages of a category, each priority in the order of its commits.
pub struct History {
    store: Arc<dyn Store>,
    read: LaneRead,
}

impl History {
    /// The events of an aggregate in a range of priorities, from the beginning.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub async fn of<A: Aggregate>(domain: &Domain, range: (Priority, Priority)) -> Result<Self> {
        Self::reading(domain, Category::of(domain.name(), A::NAME), range).await
    }

    /// The same for another category, such as that of the commands.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub async fn reading(
        domain: &Domain,
        category: Category,
        range: (Priority, Priority),
    ) -> Result<Self> {
        let store = Arc::clone(domain.store().await?);
        let (group, after) = (READER.to_owned(), Vec::new());
        Ok(Self { store, read: LaneRead { group, category, range, after, limit: PAGE } })
    }

    /// Shows every record there is, page by page.
    ///
    /// # Errors
    /// When the database cannot be read, or `visit` fails.
    pub async fn each(&mut self, mut visit: impl FnMut(&Recorded) -> Result) -> Result {
        loop {
            let page = self.next_page().await?;
            if page.is_empty() {
                return Ok(());
            }
            page.iter().try_for_each(&mut visit)?;
        }
    }

    /// The next page; empty when there is nothing new. Another call later may
    /// give more.
    ///
    /// # Errors
    /// When the database cannot be read, not even a minute later.
    pub async fn next_page(&mut self) -> Result<Vec<Recorded>> {
        let page = in_spite_of_outages(|| self.store.lane(self.read.clone())).await?;
        for delivery in &page {
            let (priority, position) =
                (delivery.recorded.message.priority, delivery.recorded.position);
            match self.read.after.iter_mut().find(|(of, _)| *of == priority) {
                Some((_, after)) => *after = position,
                None => self.read.after.push((priority, position)),
            }
        }
        Ok(page.into_iter().map(|delivery| delivery.recorded).collect())
    }

    /// The last place read so far in the whole log.
    pub fn position(&self) -> u64 {
        self.read.after.iter().map(|(_, position)| *position).max().unwrap_or(0)
    }

    /// Passes over everything there is now.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn skip(&mut self) -> Result {
        while !self.next_page().await?.is_empty() {}
        Ok(())
    }
}

/// The event in a record, when it is of this type.
///
/// # Errors
/// When its data cannot be read.
pub fn event<E: Event + DeserializeOwned>(recorded: &Recorded) -> Result<Option<E>> {
    let message = &recorded.message;
    if name_of(recorded) != Some(E::NAME) {
        return Ok(None);
    }
    serde_json::from_str(&message.data).map(Some).map_err(|error| {
        Error::failed(format!("the event {} cannot be read", message.id)).with_source(error)
    })
}

/// The name of a record's type, without its domain and version.
pub fn name_of(recorded: &Recorded) -> Option<&str> {
    recorded.message.type_name.split('.').nth(1)
}
