//! Snapshots on demand.

use std::sync::Arc;

use protean_port::message::{Id, Stream, Timestamp, Value};
use protean_port::port::Outcome;
use protean_port::{Error, Result};

use super::domain::Domain;
use crate::catalog::Declaration;
use crate::model::{Aggregate, Replay};
use crate::nearest::hint;
use crate::unit::{TakeSnapshot, version_as_of};

/// How many instances are looked at between two commits.
const PAGE: usize = 500;

/// Takes snapshots of event-sourced aggregates on demand, in the priority of
/// the handle it came from. `snapshot_threshold` takes them on the way.
pub struct Snapshots {
    domain: Domain,
}

/// What taking snapshots of a page of instances came to.
#[derive(Debug, Default)]
pub struct SnapshotPage {
    /// Of how many instances one was taken.
    pub made: u64,
    /// How many instances had one of their present version.
    pub present: u64,
    /// Whose events cannot be replayed, or whose state breaks a rule, and why.
    pub faults: Vec<SnapshotFault>,
    /// Where the next page begins; none after the last.
    pub last: Option<Stream>,
}

/// An instance that has no snapshot, and why.
#[derive(Debug)]
pub struct SnapshotFault {
    /// The instance.
    pub id: Id,
    /// What is wrong with its events or its state.
    pub error: Error,
}

impl SnapshotPage {
    fn add(&mut self, id: Id, taken: Result<bool>) -> Result {
        match taken {
            Ok(true) => self.made += 1,
            Ok(false) => self.present += 1,
            Err(error) if error.is_unavailable() => return Err(error),
            Err(error) => self.faults.push(SnapshotFault { id, error }),
        }
        Ok(())
    }
}

impl Snapshots {
    /// Takes them in this domain.
    pub fn of(domain: &Domain) -> Self {
        Self { domain: domain.clone() }
    }

    /// The names of the aggregates that can have snapshots, in the order of declaration.
    pub fn aggregates(&self) -> Vec<&'static str> {
        self.domain.catalog().sourced().map(|(declared, _)| declared.name).collect()
    }

    /// Takes one of an instance; `false` when there is one of its present version.
    ///
    /// # Errors
    /// [`Error::is_not_found`] when there is no such instance; when its events
    /// cannot be replayed, or the state breaks the rules of its fields.
    pub async fn take<A: Replay>(&self, id: &Id) -> Result<bool> {
        self.take_of(<A as Aggregate>::NAME, id).await
    }

    /// The same for an aggregate by its name.
    ///
    /// # Errors
    /// As for [`take`](Self::take), and when no event-sourced aggregate has this name.
    pub async fn take_of(&self, aggregate: &str, id: &Id) -> Result<bool> {
        let (_, take) = self.named(aggregate)?;
        self.domain.unit_of_work(async |context| take(context.unit(), id).await).await
    }

    /// The state that replaying gives, as columns by name: of an instance as it is, or as it was
    /// after the event at a position of its stream. `None` when there was no such instance.
    ///
    /// # Errors
    /// When no event-sourced aggregate has this name, or its events cannot be replayed.
    pub async fn state_after(
        &self,
        aggregate: &str,
        id: &Id,
        last: Option<u64>,
    ) -> Result<Option<Vec<(String, Value)>>> {
        self.named(aggregate)?;
        let unit = self.domain.unit().await?;
        let of = self.domain.handlers().snapshots.get(aggregate);
        let Some(of) = of else { return Ok(None) };
        let Some(values) = (of.state)(&unit, id, last).await? else { return Ok(None) };
        let mut sourced = self.domain.catalog().sourced();
        let columns = sourced.find(|(declared, _)| declared.name == aggregate);
        let columns = columns.map(|(_, sourced)| sourced.columns.as_slice()).unwrap_or_default();
        let names = columns.iter().map(|column| column.name.clone());
        Ok(Some(names.zip(values).collect()))
    }

    /// The position of the last event of a stream at or before a moment, when there is one: the
    /// version that an instance had then.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn version_as_of(&self, stream: &Stream, moment: Timestamp) -> Result<Option<u64>> {
        version_as_of(&*self.domain.unit().await?, stream, moment).await
    }

    /// Takes one of each instance of a page of them, those that come after
    /// `after` by the names of their streams. An instance that cannot have one
    /// does not keep the others from theirs.
    ///
    /// # Errors
    /// When no event-sourced aggregate has this name, or the store cannot be
    /// read or written.
    pub async fn take_page(&self, aggregate: &str, after: Option<&Stream>) -> Result<SnapshotPage> {
        let (declared, take) = self.named(aggregate)?;
        let store = self.domain.store().await?;
        let streams = store.streams(&declared.category, after, PAGE).await?;
        let mut page = SnapshotPage::default();
        let (mut ids, mut units) = (Vec::new(), Vec::new());
        for id in streams.iter().map(|stream| Id::from(stream.id())) {
            let unit = self.domain.unit().await?;
            let taken = take(&unit, &id).await;
            if let Ok(true) = taken {
                units.push(unit.finish().changes);
                ids.push(id);
            } else {
                page.add(id, taken)?;
            }
        }
        let outcomes = store.commit(Arc::from(units)).await;
        for (id, outcome) in ids.into_iter().zip(outcomes) {
            let taken = self.stored_mark(aggregate, &id, outcome).await;
            page.add(id, taken)?;
        }
        page.last = streams.last().filter(|_| streams.len() == PAGE).cloned();
        Ok(page)
    }

    /// Somebody else may have written the snapshot meanwhile: then by itself, on fresh state.
    async fn stored_mark(&self, aggregate: &str, id: &Id, outcome: Outcome) -> Result<bool> {
        match outcome {
            Outcome::Committed(_) => Ok(true),
            Outcome::Unavailable(reason) => Err(Error::unavailable(reason)),
            _ => self.take_of(aggregate, id).await,
        }
    }

    fn named(&self, aggregate: &str) -> Result<(&Declaration, TakeSnapshot)> {
        let mut all = self.domain.catalog().sourced();
        let found =
            all.find(|(declared, _)| declared.name == aggregate).and_then(|(declared, _)| {
                Some((declared, self.domain.handlers().snapshots.get(declared.name)?.take))
            });
        found.ok_or_else(|| {
            let hint = hint(aggregate, &self.aggregates());
            Error::misused(format!("no event-sourced aggregate is called '{aggregate}'{hint}"))
        })
    }
}
