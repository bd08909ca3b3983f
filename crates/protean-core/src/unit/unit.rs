//! A unit of work in the making: it reads through, and collects what it changes.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protean_port::Result;
use protean_port::message::{
    Extensions, Id, Kind, Lane, Message, Priority, Recorded, Row, Stream, Table, Timestamp,
};
use protean_port::port::{
    Append, Changes, Expect, RowChange, RowState, RowWrite, Statement, Store,
};

use super::env::Env;
use super::overlay::{Overlay, RowKey, Sequence, Writes};
use crate::catalog::Names;
use crate::model::{Command, Data, Raised, to_json};

/// What a unit's messages inherit.
#[derive(Clone, Debug)]
pub(crate) struct MessageContext {
    pub(crate) priority: Priority,
    pub(crate) correlation_id: Arc<str>,
    pub(crate) causation_id: Option<Arc<str>>,
    /// Makes the ids of commands issued here the same each time they are made.
    pub(crate) seed: Option<String>,
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
    read: ReadOptions,
    state: Mutex<State>,
}

struct State {
    done: CompletedUnit,
    /// The last fact of each instance that was added.
    facts: Vec<Message>,
    seen: HashMap<RowKey, RowState>,
    issued: u32,
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
}

impl CompletedUnit {
    /// A unit that has changed nothing yet.
    pub(crate) fn empty(lane: Lane) -> Self {
        let (writes, readers) = Default::default();
        Self { changes: Changes::new(lane), writes, readers }
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
        let state = State { done, facts: Vec::new(), seen: HashMap::new(), issued: 0 };
        Self { env, store, cause, read, state: Mutex::new(state) }
    }

    /// Another unit of the same cause that has seen and changed nothing.
    pub(crate) fn anew(&self) -> Self {
        let (env, store) = (Arc::clone(&self.env), Arc::clone(&self.store));
        Self::new(env, store, self.cause.clone(), self.read.clone())
    }

    /// Ends the unit and hands over what it collected; it is empty afterwards.
    pub(crate) fn finish(&self) -> CompletedUnit {
        let mut state = self.state();
        let facts = std::mem::take(&mut state.facts).into_iter();
        let facts = facts.map(|message| Append { message, expect: Expect::End });
        state.done.changes.appends.extend(facts);
        let empty = CompletedUnit::empty(state.done.changes.lane);
        std::mem::replace(&mut state.done, empty)
    }

    /// A handler that panicked cannot leave the state half-changed: every change is one call.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.env.now()
    }

    /// Stored JSON, to be read as strictly as the domain is configured.
    pub(crate) fn data<'a>(&self, json: &'a str) -> Data<'a> {
        match self.env.config.lenient_deserialization {
            true => Data::lenient(json),
            false => Data::strict(json),
        }
    }

    /// Appends a message that needs no expectation.
    pub(crate) fn append(&self, message: Message) {
        self.state().done.changes.appends.push(Append { message, expect: Expect::End });
    }

    pub(crate) fn execute(&self, statement: Statement) {
        self.state().done.changes.statements.push(statement);
    }

    /// Issues a command: appends it to the unit.
    pub(crate) fn issue<C: Command>(&self, command: &C, priority: Priority) -> Result<Id> {
        command.check().into_result()?;
        let issued = {
            let mut state = self.state();
            state.issued += 1;
            state.issued
        };
        let id = match &self.cause.seed {
            Some(seed) => Id::derived(seed, &issued.to_string()),
            None => Id::new(),
        };
        let cause = MessageContext { priority, ..self.cause.clone() };
        let extensions = Extensions::default();
        self.append(command_message(&self.env, &id, command, &cause, extensions)?);
        Ok(id)
    }

    /// Appends the events of an event-sourced aggregate at the end of its
    /// stream; gives the id of the last one.
    pub(crate) fn append_at(
        &self,
        names: &Names,
        id: &Id,
        version: Option<u64>,
        events: &[Raised],
    ) -> Option<Arc<str>> {
        let stream = names.category.stream(id);
        let first = version.map_or(0, |version| version + 1);
        let now = self.now();
        let mut last = None;
        let mut state = self.state();
        for (position, event) in (first..).zip(events) {
            let message = self.event(&stream, event, &position.to_string(), now);
            let recorded =
                Recorded { position: 0, stream_position: position, message: message.clone() };
            state.done.writes.streams.entry(stream.name()).or_default().push(recorded);
            last = Some(Arc::clone(&message.id));
            state.done.changes.appends.push(Append { message, expect: Expect::At(position) });
        }
        last
    }

    /// Appends the events of a state-stored aggregate that got this version;
    /// gives the id of the last one.
    pub(crate) fn append_versioned(
        &self,
        names: &Names,
        id: &Id,
        version: u64,
        events: &[Raised],
    ) -> Option<Arc<str>> {
        let stream = names.category.stream(id);
        let now = self.now();
        let mut last = None;
        for (number, event) in (1..).zip(events) {
            let message = self.event(&stream, event, &format!("{version}.{number}"), now);
            last = Some(Arc::clone(&message.id));
            self.append(message);
        }
        last
    }

    /// Emits the state of an instance after its changes as a fact, caused by the
    /// last event of them; only the last fact of an instance in a unit is kept.
    pub(crate) fn emit_fact(
        &self,
        stream: &Stream,
        fact: &Raised,
        sequence: &str,
        event: Option<Arc<str>>,
    ) {
        let mut message = self.event(stream, fact, sequence, self.now());
        let mut state = self.state();
        let before = state.facts.iter().position(|earlier| earlier.stream == *stream);
        let before = before.map(|at| state.facts.remove(at).causation_id);
        message.causation_id = event.or(before.flatten()).or(message.causation_id);
        state.facts.push(message);
    }

    /// Takes back the fact of an instance that this unit removes.
    pub(crate) fn retract_fact(&self, stream: &Stream) {
        self.state().facts.retain(|fact| fact.stream != *stream);
    }

    fn event(&self, stream: &Stream, event: &Raised, sequence: &str, time: Timestamp) -> Message {
        Message {
            id: format!("{stream}-{sequence}").into(),
            stream: stream.clone(),
            kind: Kind::Event,
            type_name: self.env.catalog.type_name(event.name, event.version),
            version: event.version,
            priority: self.cause.priority,
            correlation_id: Arc::clone(&self.cause.correlation_id),
            causation_id: self.cause.causation_id.clone(),
            time,
            data: Arc::from(event.data.as_str()),
            extensions: Extensions::default(),
        }
    }

    /// What the store cannot have yet, read before the store is asked.
    pub(crate) fn unstored(&self, stream: &str) -> Vec<Recorded> {
        let mut state = self.state();
        let own = state.done.writes.streams.get(stream).cloned();
        let mut messages = match &self.read.overlay {
            Some(overlay) => {
                let overlay = overlay.lock().unwrap_or_else(PoisonError::into_inner);
                overlay.tail(stream, &mut state.done.readers).unwrap_or_default()
            }
            None => Vec::new(),
        };
        messages.extend(own.into_iter().flatten());
        messages
    }

    /// The row as this unit sees it; the same each time it is asked for.
    pub(crate) async fn row(&self, table: &Table, key: &str) -> Result<RowState> {
        let name = row_key(table, key);
        if let Some(state) = self.seen_row(&name) {
            return Ok(state);
        }
        let state = self.store.row(table, key).await?;
        self.state().seen.insert(name, state.clone());
        Ok(state)
    }

    /// The row as far as this unit knows: one it has not asked for is taken to
    /// be new, unless the unit [verifies](ReadMode::Verify).
    pub(crate) async fn known_row(&self, table: &Table, key: &str) -> Result<RowState> {
        if self.read.mode == ReadMode::Verify {
            return self.row(table, key).await;
        }
        Ok(self.seen_row(&row_key(table, key)).unwrap_or_default())
    }

    fn seen_row(&self, name: &RowKey) -> Option<RowState> {
        let mut state = self.state();
        if let Some(own) = state.done.writes.rows.get(name).or_else(|| state.seen.get(name)) {
            return Some(own.clone());
        }
        let found = {
            let overlay = self.read.overlay.as_ref()?;
            let overlay = overlay.lock().unwrap_or_else(PoisonError::into_inner);
            overlay.row(name, &mut state.done.readers)?
        };
        state.seen.insert(name.clone(), found.clone());
        Some(found)
    }

    /// Writes a row, or removes it; `present` is what the row must be before.
    pub(crate) fn write(
        &self,
        table: &Arc<Table>,
        key: &str,
        present: &RowState,
        row: Option<Row>,
    ) {
        let version = present.version.map_or(0, |version| version + 1);
        let expected = present.row.as_ref().and(present.version);
        let key: Arc<str> = Arc::from(key);
        let change = row.clone().map_or(RowChange::Remove, RowChange::Put);
        let write = RowWrite { table: Arc::clone(table), key, expected, version, change };
        let mut state = self.state();
        let name = row_key(table, &write.key);
        state.done.writes.rows.insert(name, RowState { row, version: Some(version) });
        state.done.changes.rows.push(write);
    }
}

fn row_key(table: &Table, key: &str) -> RowKey {
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
        extensions,
    })
}
