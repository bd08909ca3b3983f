//! A unit of work in the making: it reads through, and collects what it changes.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protean_port::message::{
    Extensions, Id, Kind, Lane, Message, Priority, Recorded, Table, Timestamp,
};
use protean_port::port::{Append, Changes, Expect, RowState, Schedule, Store};
use protean_port::{Error, Result};

use super::enrichment::Enrichment;
use super::env::Env;
use super::keyed_command::KeyedCommand;
use super::overlay::{Overlay, RowKey, Sequence, Writes};
use crate::model::{Command, Data, to_json};

/// What a unit's messages inherit.
#[derive(Clone, Debug)]
pub(crate) struct MessageContext {
    pub(crate) priority: Priority,
    pub(crate) correlation_id: Arc<str>,
    pub(crate) causation_id: Option<Arc<str>>,
    /// Makes the ids of commands issued here the same each time they are made.
    pub(crate) seed: Option<String>,
    /// The time of the current message, the same on every attempt.
    pub(crate) time: Option<Timestamp>,
    pub(crate) enrichment: Enrichment,
}

/// How a unit reads.
#[derive(Clone, Default)]
pub struct ReadOptions {
    /// What units before it have written and not committed.
    pub overlay: Option<Arc<Mutex<Overlay>>>,
    /// Whether it asks for rows that it is about to create.
    pub mode: ReadMode,
}

/// Whether a unit asks for a row that it is about to create.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadMode {
    /// It takes a row it has not read to be absent, which saves most units the
    /// question; the store leaves the unit out when that is wrong.
    #[default]
    Assume,
    /// It looks every row up: for another try after a conflict.
    Verify,
}

/// A unit of work in the making.
pub struct Unit {
    pub(crate) env: Arc<Env>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) cause: MessageContext,
    pub(super) read: ReadOptions,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) done: CompletedUnit,
    /// The last fact of each instance that was added.
    pub(super) facts: Vec<Message>,
    pub(super) seen: HashMap<RowKey, RowState>,
    pub(super) issued: u32,
    /// The number of identities it has created.
    pub(super) made_ids: u32,
    /// What units have committed that this one has waited for.
    pub(super) inside: CommittedInside,
    /// It was committed or given up.
    has_ended: bool,
}

/// What units have committed inside of another one, while that waited for them.
#[derive(Default)]
pub(super) struct CommittedInside {
    /// The last position of each stream.
    pub(super) streams: HashMap<String, u64>,
    /// The version of each row.
    pub(super) rows: HashMap<RowKey, u64>,
}

/// A unit that has run and is ready to commit.
#[derive(Clone, Debug)]
pub struct CompletedUnit {
    /// Everything to commit for it.
    pub changes: Changes,
    /// What later units of the same commit may read.
    pub writes: Writes,
    /// The units whose uncommitted writes it has read.
    pub readers: BTreeSet<Sequence>,
    /// The commands with idempotency keys that it has issued, in their order.
    pub(crate) keyed: Vec<KeyedCommand>,
}

impl CompletedUnit {
    /// A unit that has changed nothing yet.
    pub(crate) fn empty(lane: Lane) -> Self {
        let (writes, readers, keyed) = Default::default();
        Self { changes: Changes::new(lane), writes, readers, keyed }
    }

    /// Leaves out a command that it has issued.
    pub(crate) fn leave_out(&mut self, message_id: &str) {
        let Changes { appends, schedules, .. } = &mut self.changes;
        appends.retain(|append| *append.message.id != *message_id);
        schedules.retain(|schedule| match schedule {
            Schedule::Keep(scheduled) => *scheduled.message.id != *message_id,
            Schedule::Take { .. } | Schedule::Drop(_) => true,
        });
    }
}

impl Unit {
    pub(crate) fn new(
        env: Arc<Env>,
        store: Arc<dyn Store>,
        cause: MessageContext,
        read: ReadOptions,
    ) -> Self {
        let done = CompletedUnit::empty(env.lanes.lane(cause.priority));
        let state = State {
            done,
            facts: Vec::new(),
            seen: HashMap::new(),
            issued: 0,
            made_ids: 0,
            inside: CommittedInside::default(),
            has_ended: false,
        };
        Self { env, store, cause, read, state: Mutex::new(state) }
    }

    /// The time of its changes: that of its message, or else now.
    pub(super) fn moment(&self) -> Timestamp {
        self.cause.time.unwrap_or_else(|| self.env.now())
    }

    /// Another unit of the same cause that has seen and changed nothing.
    pub(crate) fn anew(&self) -> Self {
        let (env, store) = (Arc::clone(&self.env), Arc::clone(&self.store));
        Self::new(env, store, self.cause.clone(), self.read.clone())
    }

    /// Ends the unit and hands over what it collected. Nothing can be added to it afterwards.
    pub(crate) fn finish(&self) -> CompletedUnit {
        let mut state = self.state();
        state.has_ended = true;
        let facts = std::mem::take(&mut state.facts).into_iter();
        let facts = facts.map(|message| Append { message, expect: Expect::End });
        state.done.changes.appends.extend(facts);
        self.env.correlations.add_copies(&mut state.done.changes);
        let empty = CompletedUnit::empty(state.done.changes.lane);
        std::mem::replace(&mut state.done, empty)
    }

    /// What is to be changed, locked.
    ///
    /// # Errors
    /// When the unit has ended.
    pub(super) fn open(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.state();
        match state.has_ended {
            false => Ok(state),
            true => Err(Error::misused(
                "the unit of work has ended, and nothing more of it is kept: await what uses its \
                 context before the handler returns",
            )),
        }
    }

    /// True when this is the store that it commits to.
    pub(crate) fn writes_to(&self, store: &dyn Store) -> bool {
        std::ptr::addr_eq(Arc::as_ptr(&self.store), store)
    }

    /// Another unit of those that this one waits for is about to commit.
    ///
    /// # Errors
    /// When this unit has changed or fetched what the other one changes, and runs again after a conflict
    /// already: it could never commit. Before that the other one may do nothing the next time.
    pub(crate) fn allow_inside(&self, changes: &Changes) -> Result {
        if self.read.mode == ReadMode::Assume {
            return Ok(());
        }
        let state = self.state();
        let own = &state.done.writes;
        let stream = positions(changes).find(|(stream, _)| own.streams.contains_key(*stream));
        let row =
            changes.rows.iter().find(|row| own.rows.contains_key(&row_key(&row.table, &row.key)));
        let fetched = match changes.statements.first() {
            Some(_) => state.done.changes.reads.first().map(|read| &read.statement.sql),
            None => None,
        };
        let what = stream.map(|(stream, _)| format!("{stream} was changed"));
        let what = what
            .or_else(|| row.map(|row| format!("{} '{}' was changed", row.table.name, row.key)))
            // Its statements may change what was fetched, which nobody can tell.
            .or_else(|| fetched.map(|sql| format!("`{sql}` was fetched")));
        what.map_or(Ok(()), |what| {
            Err(Error::misused(format!(
                "{what} by the handler that waits for this: issue the command with \
                 `ctx.process`, to be handled afterwards"
            )))
        })
    }

    /// Another unit that this one waits for has committed.
    pub(crate) fn committed_inside(&self, changes: &Changes) {
        let mut state = self.state();
        for (stream, position) in positions(changes) {
            state.inside.streams.insert(stream.to_owned(), position);
        }
        for row in &changes.rows {
            // A unit that loads it again sees the new one.
            state.seen.remove(&row_key(&row.table, &row.key));
            state.inside.rows.insert(row_key(&row.table, &row.key), row.version);
        }
    }

    /// A handler that panicked cannot leave the state half-changed: every change is one call.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stored JSON, to be read as strictly as the domain is configured.
    pub(crate) fn data<'a>(&self, json: &'a str) -> Data<'a> {
        Data::of(json, self.env.config.lenient_deserialization)
    }

    /// What the store cannot have yet, read before the store is asked.
    pub(super) fn unstored(&self, stream: &str) -> Result<Vec<Recorded>> {
        let mut state = self.open()?;
        let own = state.done.writes.streams.get(stream).cloned();
        let mut messages = match &self.read.overlay {
            Some(overlay) => {
                let overlay = overlay.lock().unwrap_or_else(PoisonError::into_inner);
                overlay.tail(stream, &mut state.done.readers).unwrap_or_default()
            }
            None => Vec::new(),
        };
        messages.extend(own.into_iter().flatten());
        Ok(messages)
    }

    /// The row as this unit sees it; the same each time it is asked for.
    pub(crate) async fn row(&self, table: &Table, key: &str) -> Result<RowState> {
        let name = row_key(table, key);
        if let Some(state) = self.seen_row(&name)? {
            return Ok(state);
        }
        let state = self.store.row(table, key).await?;
        self.state().seen.insert(name, state.clone());
        Ok(state)
    }

    /// The row as far as this unit knows: one it has not asked for is taken to
    /// be new, unless the unit [verifies](ReadMode::Verify).
    pub(crate) async fn known_row(&self, table: &Table, key: &str) -> Result<RowState> {
        let is_known_to_be_there =
            |state: &State| state.inside.rows.contains_key(&row_key(table, key));
        if self.read.mode == ReadMode::Verify || is_known_to_be_there(&*self.open()?) {
            return self.row(table, key).await;
        }
        Ok(self.seen_row(&row_key(table, key))?.unwrap_or_default())
    }

    /// Takes a row as it was read, unless the unit knows it already.
    pub(super) fn see(&self, table: &Table, key: &str, state: &RowState) -> Result {
        let name = row_key(table, key);
        if self.seen_row(&name)?.is_none() {
            self.open()?.seen.insert(name, state.clone());
        }
        Ok(())
    }

    /// The keys of the rows of a table that this unit has changed, and units before it that are not
    /// committed.
    pub(super) fn changed_keys(&self, table: &Table) -> Result<BTreeSet<Arc<str>>> {
        let state = self.open()?;
        let own = state.done.writes.rows.keys().filter(|(of, _)| **of == *table.name);
        let mut keys: BTreeSet<Arc<str>> = own.map(|(_, key)| Arc::clone(key)).collect();
        if let Some(overlay) = &self.read.overlay {
            let overlay = overlay.lock().unwrap_or_else(PoisonError::into_inner);
            keys.extend(overlay.keys(&table.name));
        }
        Ok(keys)
    }

    fn seen_row(&self, name: &RowKey) -> Result<Option<RowState>> {
        let mut state = self.open()?;
        if let Some(own) = state.done.writes.rows.get(name).or_else(|| state.seen.get(name)) {
            return Ok(Some(own.clone()));
        }
        let Some(overlay) = &self.read.overlay else { return Ok(None) };
        let found = {
            let overlay = overlay.lock().unwrap_or_else(PoisonError::into_inner);
            overlay.row(name, &mut state.done.readers)
        };
        if let Some(found) = &found {
            state.seen.insert(name.clone(), found.clone());
        }
        Ok(found)
    }
}

/// The events of a unit whose positions are fixed.
fn positions(changes: &Changes) -> impl Iterator<Item = (&str, u64)> {
    changes.appends.iter().filter_map(|append| match append.expect {
        Expect::At(position) => Some((append.message.stream.as_str(), position)),
        _ => None,
    })
}

pub(super) fn row_key(table: &Table, key: &str) -> RowKey {
    (Arc::from(table.name.as_str()), Arc::from(key))
}

/// A command as a message.
pub(crate) fn command_message<C: Command>(
    env: &Env,
    id: &Id,
    command: &C,
    cause: &MessageContext,
    extensions: Extensions,
) -> Result<Message> {
    let names = env.catalog.names::<C::Aggregate>()?;
    cause.enrichment.metadata.check()?;
    let data = to_json(C::NAME, command)?;
    Ok(Message {
        id: Arc::from(id.as_str()),
        stream: names.commands.stream(&command.instance().unwrap_or_else(|| id.clone())),
        kind: Kind::Command,
        type_name: env.catalog.type_name(C::NAME, C::VERSION),
        version: C::VERSION,
        priority: cause.priority,
        correlation_id: Arc::clone(&cause.correlation_id),
        causation_id: cause.causation_id.clone(),
        time: env.now(),
        data: data.into(),
        extensions: cause.enrichment.inherited(extensions),
    })
}
