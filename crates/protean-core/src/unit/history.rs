//! The stream of an instance: read a page at a time, replayed from the start
//! or from a snapshot.
//!
//! ```text
//! first page ─┬─ not full ───────────────────▶ replay
//!             └─ full ─▶ snapshot? ─▶ replay ─▶ page ─▶ replay ─▶ …
//! ```

use std::cmp::Ordering;
use std::sync::Arc;

use protean_port::message::{Id, Recorded, Row, Stream, Value};
use protean_port::port::BoxFuture;
use protean_port::{Error, Result};

use super::open_unit::OpenUnit;
use super::snapshot;
use super::unit::Unit;
use crate::catalog::{Names, too_new};
use crate::model::{Replay, Root};

/// Takes a snapshot of one instance; `false` when there is one of its present version.
pub type TakeSnapshot = for<'a> fn(&'a Unit, &'a Id) -> BoxFuture<'a, Result<bool>>;

/// The columns of an instance as it is, or as it was after an event.
pub(crate) type StateAfter =
    for<'a> fn(&'a Unit, &'a Id, Option<u64>) -> BoxFuture<'a, Result<Option<Vec<Value>>>>;

/// How many messages of a stream are read at once.
const PAGE: usize = 1000;

/// The messages of a stream as a unit sees them: the store's, those of units
/// before, its own.
struct History<'u> {
    unit: &'u Unit,
    stream: &'u Stream,
    /// What the store cannot have yet, read before the store is asked.
    unstored: Vec<Recorded>,
    next: u64,
    /// The store is read up to here.
    end: u64,
}

impl<'u> History<'u> {
    /// The messages up to the one at `last`, or all.
    fn open(unit: &'u Unit, stream: &'u Stream, last: Option<u64>) -> Result<Self> {
        let mut unstored = unit.unstored(stream.as_str())?;
        unstored.retain(|message| last.is_none_or(|last| message.stream_position <= last));
        let end = last.map_or(u64::MAX, |last| last.saturating_add(1));
        let end = unstored.first().map_or(end, |first| first.stream_position.min(end));
        Ok(Self { unit, stream, unstored, next: 0, end })
    }

    /// The next messages: `limit` of them, or all that are left.
    async fn page(&mut self, limit: usize) -> Result<Vec<Recorded>> {
        let left = usize::try_from(self.end.saturating_sub(self.next)).unwrap_or(usize::MAX);
        let mut page = match left.min(limit) {
            0 => Vec::new(),
            wanted => self.unit.store.stream(self.stream, self.next, wanted).await?,
        };
        if page.len() < limit {
            let next = page.last().map_or(self.next, |last| last.stream_position + 1);
            let unstored = std::mem::take(&mut self.unstored).into_iter();
            page.extend(unstored.filter(|message| message.stream_position >= next));
            self.end = 0;
        }
        self.go_on_from(page.last().map_or(0, |last| last.stream_position + 1));
        Ok(page)
    }

    /// Leaves out what is before this position.
    fn go_on_from(&mut self, position: u64) {
        self.next = self.next.max(position);
    }
}

/// The instance as it is, or as it was after the event at `last`.
pub(super) async fn load<A: Replay>(unit: &Unit, id: &Id, last: Option<u64>) -> Result<Option<A>> {
    let names = unit.env.catalog.names::<A>()?;
    let stream = names.category.stream(id);
    let mut history = History::open(unit, &stream, last)?;
    let mut aggregate = A::blank(Root::with_id(id.clone()));
    let limit = first_page(unit.env.config.snapshot_threshold);
    let mut page = history.page(limit).await?;
    if page.len() >= limit
        && let Some((version, kept)) = snapshot::find::<A>(unit, names, id).await?
        && last.is_none_or(|last| version <= last)
    {
        aggregate = kept;
        history.go_on_from(version + 1);
        page.retain(|recorded| recorded.stream_position > version);
    }
    loop {
        for recorded in &page {
            replay(unit, &mut aggregate, recorded)?;
        }
        page = history.page(PAGE).await?;
        if page.is_empty() {
            break;
        }
    }
    Ok(aggregate.root().version().is_some().then_some(aggregate))
}

/// The columns of the instance as it is, or as it was after the event at `last`.
pub(super) async fn state<A: Replay>(
    unit: &Unit,
    id: &Id,
    last: Option<u64>,
) -> Result<Option<Vec<Value>>> {
    let found = load::<A>(unit, id, last).await?;
    Ok(found.map(|aggregate| {
        let mut columns = Vec::new();
        aggregate.write(&mut columns);
        columns
    }))
}

/// Longer than a stream whose snapshot would save nothing.
fn first_page(threshold: u32) -> usize {
    let threshold = usize::try_from(threshold).unwrap_or(PAGE);
    if threshold == 0 { PAGE } else { (threshold + 1).min(PAGE) }
}

fn replay<A: Replay>(unit: &Unit, aggregate: &mut A, recorded: &Recorded) -> Result {
    let message = &recorded.message;
    let name = message.name();
    let unread = |what: String| {
        let (stream, position) = (&message.stream, recorded.stream_position);
        format!("event {position} of {stream} cannot be replayed{what}")
    };
    let caused = |error| Error::failed(unread(String::new())).with_source(error);
    let newer = |why: String| Error::too_new(unread(format!(": {why}")));
    let known = A::EVENTS.iter().find(|known| known.name == name);
    let known = known.ok_or_else(|| {
        newer(format!("{} does not apply {name}, deploy a version that does", A::NAME))
    })?;
    let old = match message.version.cmp(&known.version) {
        Ordering::Equal => None,
        Ordering::Less => {
            let chain = unit.env.catalog.upcast_chain(message.stream.category(), name);
            let upcast = chain.map(|chain| chain.upcast(&message.data, message.version));
            upcast.transpose().map_err(caused)?
        }
        Ordering::Greater => {
            return Err(newer(too_new(name, message.version, known.version)));
        }
    };
    let data = unit.data(old.as_deref().unwrap_or(&message.data));
    aggregate.replay(name, data).map_err(caused)?;
    aggregate.root_mut().advance();
    Ok(())
}

/// How many messages a stream has.
pub(crate) async fn length(unit: &Unit, stream: &Stream) -> Result<u64> {
    let mut history = History::open(unit, stream, None)?;
    while !history.page(PAGE).await?.is_empty() {}
    Ok(history.next)
}

/// The position of the last event at or before a moment, when there is one.
pub(crate) async fn version_as_of(
    unit: &Unit,
    stream: &Stream,
    moment: protean_port::message::Timestamp,
) -> Result<Option<u64>> {
    let mut history = History::open(unit, stream, None)?;
    let mut version = None;
    loop {
        let page = history.page(PAGE).await?;
        if page.is_empty() {
            return Ok(version);
        }
        // Clocks may go back, so an event can be earlier than the one before it.
        let last = page.iter().rev().find(|recorded| recorded.message.time <= moment);
        version = last.map(|last| last.stream_position).or(version);
    }
}

/// Keeps a snapshot with the events that are being kept, when enough of them
/// have come since the last one.
pub(super) async fn snapshot_if_due<A: Replay>(
    unit: &Unit,
    names: &Names,
    aggregate: &A,
) -> Result {
    let threshold = u64::from(unit.env.config.snapshot_threshold);
    let root = aggregate.root();
    let count = root.version().map_or(0, |version| version + 1) + root.raised().len() as u64;
    if threshold == 0 || count < threshold || root.raised().is_empty() {
        return Ok(());
    }
    let before = snapshot::version(unit, names, root.id()).await?;
    let since = before.map_or(count, |version| count.saturating_sub(version + 1));
    if since < threshold {
        return Ok(());
    }
    if let Err(fault) = write_snapshot::<A>(unit, names, root.id()).await {
        tracing::warn!(
            aggregate = A::NAME, id = %root.id(), error = format_args!("{fault:#}"),
            "snapshot not taken"
        );
    }
    Ok(())
}

/// Keeps a snapshot of an instance; `false` when there is one of this version.
pub(super) async fn take_snapshot<A: Replay>(unit: &Unit, id: &Id) -> Result<bool> {
    let names = unit.env.catalog.names::<A>()?;
    write_snapshot::<A>(unit, names, id).await
}

/// Writes what replaying gives; `false` when that is kept already.
async fn write_snapshot<A: Replay>(unit: &Unit, names: &Names, id: &Id) -> Result<bool> {
    let found = load::<A>(unit, id, None).await?;
    let aggregate = found.ok_or_else(|| Error::not_found(A::NAME, id.as_str()))?;
    let (Some(sourced), Some(version)) = (&names.sourced, aggregate.root().version()) else {
        return Ok(false);
    };
    let before = snapshot::find::<A>(unit, names, id).await?;
    if before.is_some_and(|(before, _)| before >= version) {
        return Ok(false);
    }
    // Only values that keep the rules of their fields survive being a column.
    aggregate.check().into_result()?;
    let mut columns = Vec::new();
    aggregate.write(&mut columns);
    let stream = names.category.stream(id);
    let present = snapshot::row(unit, names, id).await?;
    let row = Row::from([
        Value::Text(stream.name()),
        Value::Text(Arc::clone(&sourced.form)),
        Value::Integer(i64::try_from(version).unwrap_or(i64::MAX)),
        Value::text(snapshot::json(&columns)),
    ]);
    let table = &unit.env.catalog.snapshots;
    OpenUnit::of(unit)?.write(table, stream.as_str(), &present, Some(row))?;
    Ok(true)
}
