//! Reading and writing instances, in each of the forms in which they are kept.

use std::future::Future;

use protean_port::message::{Id, Priority, Row, Stream, Table, Value};
use protean_port::port::RowState;
use protean_port::{Error, Result, Violations};

use super::history::{self, StateAfter, TakeSnapshot};
use super::open_unit::OpenUnit;
use super::snapshot::{self, IsUsed};
use super::unit::Unit;
use crate::catalog::{LIFECYCLE_COLUMNS, Layout, Names};
use crate::model::{
    Aggregate, Columns, EventSourced, Lifecycle, ProcessManager, ProcessStored, Projected,
    Projection, Raised, Reminder, Replay, Root, Stamp, StateStored, Stored, Values, as_stored,
    note_states, violations_after,
};

/// How snapshots of an aggregate's instances are taken and read.
#[derive(Clone, Copy)]
pub struct SnapshotsOf {
    pub(crate) take: TakeSnapshot,
    pub(crate) state: StateAfter,
    pub(crate) is_used: IsUsed,
}

/// Reads and writes `T` in the form in which it is kept. Implemented for
/// [`EventSourced`], [`StateStored`], [`ProcessStored`] and [`Projected`]; not for users to implement.
pub trait Storage<T>: Layout<T> {
    #[doc(hidden)]
    fn find(unit: &Unit, id: &Id) -> impl Future<Output = Result<Option<T>>> + Send;
    #[doc(hidden)]
    fn add(unit: &Unit, instance: T) -> impl Future<Output = Result> + Send;
    #[doc(hidden)]
    fn remove(unit: &Unit, instance: T) -> impl Future<Output = Result> + Send;

    /// How snapshots of instances are taken and read, when they can have any.
    #[doc(hidden)]
    fn snapshots() -> Option<SnapshotsOf> {
        None
    }
}

/// A layout that stores instances as rows, so that queries can select them. Implemented for
/// [`StateStored`], [`ProcessStored`] and [`Projected`]; not for users to implement.
#[diagnostic::on_unimplemented(
    message = "`{T}` is event-sourced and has no rows to query",
    label = "`{T}` is kept as its events",
    note = "declare a `#[projection]` with what the query needs, keep it from the events of `{T}` \
            with a `#[projector]`, and query that"
)]
pub trait Queryable<T>: Storage<T> {
    /// The instance in a row that a query has found, for reading only.
    #[doc(hidden)]
    fn of_row(id: &Id, row: &[Value]) -> Result<T>;

    /// The identity of an instance.
    #[doc(hidden)]
    fn key(instance: &T) -> Id;
}

impl<A: Replay> Storage<A> for EventSourced {
    fn snapshots() -> Option<SnapshotsOf> {
        let take: TakeSnapshot = |unit, id| Box::pin(history::take_snapshot::<A>(unit, id));
        let state: StateAfter = |unit, id, last| Box::pin(history::state::<A>(unit, id, last));
        Some(SnapshotsOf { take, state, is_used: snapshot::is_used::<A> })
    }

    async fn find(unit: &Unit, id: &Id) -> Result<Option<A>> {
        history::load(unit, id, None).await
    }

    async fn add(unit: &Unit, mut aggregate: A) -> Result {
        let added = add_events(unit, &aggregate).await;
        aggregate.root_mut().discard();
        added
    }

    async fn remove(_: &Unit, mut aggregate: A) -> Result {
        aggregate.root_mut().discard();
        let name = A::NAME;
        Err(Error::misused(format!(
            "{name} is event-sourced: it cannot be removed; raise an event that ends it"
        )))
    }
}

impl<A: Aggregate + Columns + Stored<Storage = Self>> Storage<A> for StateStored {
    async fn find(unit: &Unit, id: &Id) -> Result<Option<A>> {
        let table = unit.env.catalog.table::<A>()?;
        let state = unit.row(table, id.as_str()).await?;
        let Some(row) = state.row else { return Ok(None) };
        Ok(Some(as_stored(Self::of_row(id, &row)?, state.version)))
    }

    async fn add(unit: &Unit, mut aggregate: A) -> Result {
        stamp(unit, &mut aggregate);
        let added = put_row(unit, &aggregate, row(&aggregate)).await;
        aggregate.root_mut().discard();
        added
    }

    async fn remove(unit: &Unit, mut aggregate: A) -> Result {
        let removed = remove_row(unit, &aggregate).await;
        aggregate.root_mut().discard();
        removed
    }
}

impl<A: Aggregate + Columns + Stored<Storage = Self>> Queryable<A> for StateStored {
    fn of_row(id: &Id, row: &[Value]) -> Result<A> {
        read(A::NAME, id, row)
    }

    fn key(instance: &A) -> Id {
        instance.root().id().clone()
    }
}

impl<P: ProcessManager> Storage<P> for ProcessStored {
    async fn find(unit: &Unit, id: &Id) -> Result<Option<P>> {
        let state = unit.row(unit.env.catalog.table::<P>()?, id.as_str()).await?;
        let Some(row) = state.row else { return Ok(None) };
        let mut process: P = Self::of_row(id, &row)?;
        let lifecycle = process.root().lifecycle().clone();
        *process.root_mut() = Root::restored(id.clone(), state.version).with_lifecycle(lifecycle);
        note_states(&mut process);
        Ok(Some(process))
    }

    async fn add(unit: &Unit, mut process: P) -> Result {
        remind(unit, &mut process)?;
        stamp(unit, &mut process);
        let Lifecycle { priority, is_complete, timers } = process.root().lifecycle();
        let mut row = Vec::new();
        process.write(&mut row);
        row.push(Value::Integer(priority.value().into()));
        row.push(Value::Bool(*is_complete));
        row.push(Value::Json(serde_json::json!(timers).to_string().into()));
        put_row(unit, &process, row.into()).await
    }

    async fn remove(_: &Unit, _: P) -> Result {
        let name = P::NAME;
        Err(Error::misused(format!("{name} is a process manager: complete its processes instead")))
    }
}

impl<P: ProcessManager> Queryable<P> for ProcessStored {
    fn of_row(id: &Id, row: &[Value]) -> Result<P> {
        let (fields, lifecycle) = row.split_at(row.len().saturating_sub(LIFECYCLE_COLUMNS.len()));
        let mut process: P = read(P::NAME, id, fields)?;
        let lifecycle = read_lifecycle(lifecycle).ok_or_else(|| {
            let columns = LIFECYCLE_COLUMNS.join("', '");
            Error::failed(format!(
                "'{columns}' of the process '{id}' of {} cannot be read",
                P::NAME
            ))
        })?;
        *process.root_mut().lifecycle_mut() = lifecycle;
        Ok(process)
    }

    fn key(instance: &P) -> Id {
        instance.root().id().clone()
    }
}

fn read_lifecycle(columns: &[Value]) -> Option<Lifecycle> {
    let [Value::Integer(priority), Value::Bool(is_complete), Value::Json(timers)] = columns else {
        return None;
    };
    Some(Lifecycle {
        priority: Priority::new(i32::try_from(*priority).ok()?),
        is_complete: *is_complete,
        timers: serde_json::from_str(timers).ok()?,
    })
}

/// Sets and cancels timers as the process has requested. A complete process has none.
fn remind<P: ProcessManager>(unit: &Unit, process: &mut P) -> Result {
    let stream = unit.env.catalog.names::<P>()?.category.stream(process.root().id());
    let root = process.root_mut();
    let mut reminders = root.take_reminders();
    let Lifecycle { priority, is_complete, timers } = root.lifecycle_mut();
    let mut open = OpenUnit::of(unit)?;
    if *is_complete {
        reminders.clear();
        for timer in std::mem::take(timers).into_keys() {
            open.cancel_timer(&stream, &timer);
        }
    }
    for reminder in reminders {
        match reminder {
            Reminder::Set(timer, start) => {
                let id = open.set_timer(&stream, *priority, &timer, start);
                timers.insert(timer.name.to_owned(), id.as_ref().to_owned());
            }
            Reminder::Cancel(timer) => {
                timers.remove(timer);
                open.cancel_timer(&stream, timer);
            }
        }
    }
    Ok(())
}

impl<P: Projection> Storage<P> for Projected {
    async fn find(unit: &Unit, id: &Id) -> Result<Option<P>> {
        let table = unit.env.catalog.table::<P>()?;
        let state = unit.row(table, id.as_str()).await?;
        state.row.map(|row| Self::of_row(id, &row)).transpose()
    }

    async fn add(unit: &Unit, mut projection: P) -> Result {
        projection.check().into_result()?;
        let table = unit.env.catalog.table::<P>()?;
        let key = projection.key();
        let present = unit.known_row(table, key.as_str()).await?;
        if P::IS_STAMPED {
            let replaced = present.row.as_deref();
            let (moment, is_new) = (unit.moment(), replaced.is_none());
            projection.stamp(Stamp { moment, is_new, replaced });
        }
        OpenUnit::of(unit)?.write(table, key.as_str(), &present, Some(row(&projection)))
    }

    async fn remove(unit: &Unit, projection: P) -> Result {
        let table = unit.env.catalog.table::<P>()?;
        let key = projection.key();
        let present = unit.row(table, key.as_str()).await?;
        match present.row {
            Some(_) => OpenUnit::of(unit)?.write(table, key.as_str(), &present, None),
            None => Ok(()),
        }
    }
}

impl<P: Projection> Queryable<P> for Projected {
    fn of_row(id: &Id, row: &[Value]) -> Result<P> {
        read(P::NAME, id, row)
    }

    fn key(instance: &P) -> Id {
        instance.key()
    }
}

async fn add_events<A: Replay>(unit: &Unit, aggregate: &A) -> Result {
    let root = aggregate.root();
    root.allow()?;
    checked_id::<A>(root.id())?;
    let names = unit.env.catalog.names::<A>()?;
    let fact = fact(names, aggregate)?;
    {
        let mut open = OpenUnit::of(unit)?;
        let last = open.append_at(names, root.id(), root.version(), root.raised())?;
        if let (Some(last), Some((stream, fact))) = (last, fact) {
            let first = root.version().map_or(0, |version| version + 1);
            let version = first + root.raised().len() as u64 - 1;
            open.emit_fact(&stream, &fact, &version.to_string(), Some(last));
        }
    }
    history::snapshot_if_due(unit, names, aggregate).await
}

async fn put_row<A>(unit: &Unit, aggregate: &A, row: Row) -> Result
where
    A: Aggregate,
    A::Storage: Layout<A>,
{
    aggregate.root().allow()?;
    checked_id::<A>(aggregate.root().id())?;
    violations_after(aggregate).into_result()?;
    let catalog = &unit.env.catalog;
    let (table, names) = (catalog.table::<A>()?, catalog.names::<A>()?);
    let root = aggregate.root();
    let present = present(unit, table, aggregate).await?;
    let fact = fact(names, aggregate)?;
    let mut open = OpenUnit::of(unit)?;
    open.write(table, root.id().as_str(), &present, Some(row))?;
    let version = present.version.map_or(0, |version| version + 1);
    let last = open.append_versioned(names, root.id(), version, root.raised())?;
    if let Some((stream, fact)) = fact {
        open.emit_fact(&stream, &fact, &format!("{version}.1"), last);
    }
    Ok(())
}

async fn remove_row<A: Aggregate + Columns + Stored<Storage = StateStored>>(
    unit: &Unit,
    aggregate: &A,
) -> Result {
    aggregate.root().allow()?;
    let catalog = &unit.env.catalog;
    let (table, names) = (catalog.table::<A>()?, catalog.names::<A>()?);
    let root = aggregate.root();
    let present = present(unit, table, aggregate).await?;
    if present.row.is_none() {
        return Err(Error::not_found(A::NAME, root.id().as_str()));
    }
    let mut open = OpenUnit::of(unit)?;
    open.write(table, root.id().as_str(), &present, None)?;
    open.retract_fact(&names.facts.stream(root.id()));
    let version = present.version.map_or(0, |version| version + 1);
    open.append_versioned(names, root.id(), version, root.raised()).map(drop)
}

/// The fact of an instance, if it has one, and the stream it belongs to.
fn fact<A: Aggregate>(names: &Names, aggregate: &A) -> Result<Option<(Stream, Raised)>> {
    match aggregate.fact()? {
        Some(fact) => Ok(Some((fact_stream(names, aggregate)?, fact))),
        None => Ok(None),
    }
}

/// The stream of an instance's facts.
fn fact_stream<A: Aggregate>(names: &Names, aggregate: &A) -> Result<Stream> {
    let id = aggregate.root().id();
    if id.as_str().starts_with("fact-") {
        let name = A::NAME;
        return Err(Error::misused(format!(
            "the id '{id}' of {name} begins with 'fact-', as the streams of its facts do: choose \
             another id"
        )));
    }
    Ok(names.facts.stream(id))
}

/// What the row of a loaded or new aggregate must be for it to be kept.
async fn present<A: Aggregate>(unit: &Unit, table: &Table, aggregate: &A) -> Result<RowState> {
    let root = aggregate.root();
    if let Some(version) = root.version() {
        // Loaded: the version it was loaded at must still be the present one.
        return Ok(RowState { row: Some(Row::from([])), version: Some(version) });
    }
    let found = unit.known_row(table, root.id().as_str()).await?;
    if found.row.is_some() {
        let message = format!("is already taken by another {}", A::NAME);
        return Err(Error::invalid(Violations::of("id", message)));
    }
    Ok(found)
}

/// Fills the fields of an aggregate that say when it was created and changed.
fn stamp<A: Aggregate + Columns>(unit: &Unit, aggregate: &mut A) {
    if A::IS_STAMPED {
        let is_new = aggregate.root().version().is_none();
        aggregate.stamp(Stamp { moment: unit.moment(), is_new, replaced: None });
    }
}

fn row(columns: &impl Columns) -> Row {
    let mut row = Vec::new();
    columns.write(&mut row);
    row.into()
}

fn read<T: Columns>(name: &str, id: &Id, row: &[Value]) -> Result<T> {
    T::read(&mut Values::new(row))
        .map_err(|fault| Error::failed(format!("the row '{id}' of {name} cannot be read: {fault}")))
}

/// An identity becomes part of a stream's name.
fn checked_id<A: Aggregate>(id: &Id) -> Result {
    if id.as_str().trim().is_empty() {
        return Err(Error::misused(format!("the id of {} must not be empty", A::NAME)));
    }
    Ok(())
}
