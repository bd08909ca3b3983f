//! A unit of work that is being changed.

use std::sync::{Arc, MutexGuard};

use protean_port::message::{
    Extensions, Id, Ids, Kind, Message, Priority, Recorded, Row, Stream, Table, Timestamp, Value,
};
use protean_port::port::{
    Append, Expect, RowChange, RowState, RowWrite, Schedule, Scheduled, Statement, StatementRead,
    event_id,
};
use protean_port::{Error, Result, Violations};
use serde::de::DeserializeOwned;

use super::enrichment::Enrichment;
use super::key::Key;
use super::keyed_command::{KeyedCommand, rewrite};
use super::timing::Timing;
use super::unit::{MessageContext, ReadMode, State, Unit, command_message, row_key};
use crate::catalog::Names;
use crate::model::{Command, Raised, Start};

/// A unit of work that has not ended. What is changed through one of these is kept as a whole,
/// even when the unit ends just then.
pub(super) struct OpenUnit<'a> {
    unit: &'a Unit,
    state: MutexGuard<'a, State>,
}

impl Unit {
    /// Appends a message that needs no expectation.
    ///
    /// # Errors
    /// When the unit has ended, as with all of these.
    pub(crate) fn append(&self, message: Message) -> Result {
        OpenUnit::of(self).map(|mut open| open.append(message))
    }

    pub(super) fn execute(&self, statement: Statement) -> Result {
        if !statement.parameters.iter().all(Value::can_be_kept) {
            let fault = "has a number that no database keeps, such as NaN";
            return Err(Error::invalid(Violations::of("statement", fault)));
        }
        self.open()?.done.changes.statements.push(statement);
        Ok(())
    }

    /// The next identity for its handler.
    pub(super) fn new_id(&self) -> Result<Id> {
        let mut state = self.open()?;
        state.made_ids += 1;
        Ok(match &self.cause.seed {
            Some(seed) if !Ids::are_numbered() => {
                Id::derived(seed, &format!("id {}", state.made_ids))
            }
            _ => Id::new(),
        })
    }

    pub(super) async fn fetch<T: DeserializeOwned>(&self, statement: Statement) -> Result<Vec<T>> {
        if !statement.is_read() {
            let fault = "must be a SELECT: use `execute` for statements that write";
            return Err(Error::invalid(Violations::of("statement", fault)));
        }
        let rows = self.store.fetch(&statement).await?;
        let read = |row: &String| {
            serde_json::from_str(row).map_err(|error| {
                let text = format!("the row {row:.80} does not fit its type");
                Error::failed(text).with_source(error)
            })
        };
        let found = rows.iter().map(read).collect();
        self.open()?.done.changes.reads.push(StatementRead { statement, rows });
        found
    }

    /// Issues a command: appends it to the unit, or schedules it.
    pub(super) fn issue<C: Command>(
        &self,
        command: &C,
        priority: Priority,
        timing: Timing,
        more: &Enrichment,
        key: Option<&Key>,
    ) -> Result<Id> {
        command.check().into_result()?;
        key.map_or(Ok(()), Key::check)?;
        let mut open = OpenUnit::of(self)?;
        let id = open.next_id();
        let mut cause = MessageContext { priority, ..self.cause.clone() };
        cause.enrichment.extend(more);
        let due = timing.due(&self.env);
        let deadline = timing.deadline(due.unwrap_or_else(|| self.env.now()), None);
        let extensions = Extensions { deadline, ..Key::extensions(key) };
        let message = command_message(&self.env, &id, command, &cause, extensions)?;
        if key.is_some() {
            let keyed = KeyedCommand { message: message.clone(), rewrite: rewrite::<C> };
            open.state.done.keyed.push(keyed);
        }
        match due {
            None => open.append(message),
            Some(due) => open.schedule(Scheduled::at(due, id.clone(), message)),
        }
        Ok(id)
    }

    /// Appends events at the end of a stream.
    pub(crate) fn append_events(
        &self,
        names: &Names,
        id: &Id,
        version: Option<u64>,
        events: &[Raised],
    ) -> Result {
        OpenUnit::of(self)?.append_at(names, id, version, events).map(drop)
    }
}

impl<'a> OpenUnit<'a> {
    pub(super) fn of(unit: &'a Unit) -> Result<Self> {
        Ok(Self { unit, state: unit.open()? })
    }

    /// The id of what the unit issues next: the same each time that its message is handled.
    fn next_id(&mut self) -> Id {
        self.state.issued += 1;
        match &self.unit.cause.seed {
            Some(seed) => Id::derived(seed, &self.state.issued.to_string()),
            None => Id::new(),
        }
    }

    fn schedule(&mut self, scheduled: Scheduled) {
        self.state.done.changes.schedules.push(Schedule::Keep(Box::new(scheduled)));
    }

    /// Sets a timer of a process, in place of the one of its type; gives its id.
    pub(super) fn set_timer(
        &mut self,
        stream: &Stream,
        priority: Priority,
        timer: &Raised,
        start: Start,
    ) -> Arc<str> {
        let due = self.unit.env.store_clock.due(start);
        let id = event_id(stream, &self.next_id());
        let message = self.event(stream, timer, "", due);
        let message = Message { id: Arc::clone(&id), priority, ..message };
        self.schedule(Scheduled::at(due, timer_key(stream, timer.name), message));
        id
    }

    /// Cancels a timer of a process, if it waits.
    pub(super) fn cancel_timer(&mut self, stream: &Stream, timer: &str) {
        let dropped = Schedule::Drop(timer_key(stream, timer));
        self.state.done.changes.schedules.push(dropped);
    }

    fn append(&mut self, message: Message) {
        self.state.done.changes.appends.push(Append { message, expect: Expect::End });
    }

    /// Appends the events of an event-sourced aggregate at the end of its
    /// stream; gives the id of the last one.
    ///
    /// # Errors
    /// When the aggregate was changed since it was got, by this unit or while it waited: what it
    /// rests on is known to be old.
    pub(super) fn append_at(
        &mut self,
        names: &Names,
        id: &Id,
        version: Option<u64>,
        events: &[Raised],
    ) -> Result<Option<Arc<str>>> {
        let stream = names.category.stream(id);
        let first = version.map_or(0, |version| version + 1);
        if !events.is_empty() {
            let own = self.state.done.writes.streams.get(stream.as_str());
            let own = own.and_then(|events| events.last()).map(|last| last.stream_position);
            is_current(
                &stream,
                own < Some(first),
                self.inside(&stream) < Some(first),
                self.mode(),
            )?;
        }
        let now = self.now();
        let mut last = None;
        for (position, event) in (first..).zip(events) {
            let message = self.event(&stream, event, &position.to_string(), now);
            let recorded =
                Recorded { position: 0, stream_position: position, message: message.clone() };
            self.state.done.writes.streams.entry(stream.name()).or_default().push(recorded);
            last = Some(Arc::clone(&message.id));
            self.state.done.changes.appends.push(Append { message, expect: Expect::At(position) });
        }
        Ok(last)
    }

    fn inside(&self, stream: &Stream) -> Option<u64> {
        self.state.inside.streams.get(stream.as_str()).copied()
    }

    /// Appends the events of a state-stored aggregate that got this version;
    /// gives the id of the last one.
    ///
    /// # Errors
    /// When an event is published and the relays would not know it.
    pub(super) fn append_versioned(
        &mut self,
        names: &Names,
        id: &Id,
        version: u64,
        events: &[Raised],
    ) -> Result<Option<Arc<str>>> {
        let catalog = &self.unit.env.catalog;
        let is_unknown = |event: &&Raised| {
            event.is_published && !catalog.published(&names.category).any(|name| name == event.name)
        };
        if let Some(Raised { name, .. }) = events.iter().find(is_unknown) {
            return Err(Error::misused(format!(
                "{name} is published and the domain does not have it, so other systems would miss \
                 it: add `.event::<{name}>()` to the builder"
            )));
        }
        let stream = names.category.stream(id);
        let now = self.now();
        let mut last = None;
        for (number, event) in (1..).zip(events) {
            let message = self.event(&stream, event, &format!("{version}.{number}"), now);
            last = Some(Arc::clone(&message.id));
            self.append(message);
        }
        Ok(last)
    }

    /// Emits the state of an instance after its changes as a fact, caused by the
    /// last event of them; only the last fact of an instance in a unit is kept.
    pub(super) fn emit_fact(
        &mut self,
        stream: &Stream,
        fact: &Raised,
        sequence: &str,
        event: Option<Arc<str>>,
    ) {
        let mut message = self.event(stream, fact, sequence, self.now());
        let before = self.state.facts.iter().position(|earlier| earlier.stream == *stream);
        let before = before.map(|at| self.state.facts.remove(at).causation_id);
        message.causation_id = event.or(before.flatten()).or(message.causation_id);
        self.state.facts.push(message);
    }

    /// Takes back the fact of an instance that this unit removes.
    pub(super) fn retract_fact(&mut self, stream: &Stream) {
        self.state.facts.retain(|fact| fact.stream != *stream);
    }

    /// Writes a row, or removes it; `present` is what the row must be before.
    ///
    /// # Errors
    /// When the row was changed since it was got, by this unit or while it waited.
    pub(super) fn write(
        &mut self,
        table: &Arc<Table>,
        key: &str,
        present: &RowState,
        row: Option<Row>,
    ) -> Result {
        let name = row_key(table, key);
        let own = self.state.done.writes.rows.get(&name).and_then(|own| own.version);
        let inside = self.state.inside.rows.get(&name).copied();
        let changed = format_args!("'{key}' of {}", table.name);
        is_current(&changed, own <= present.version, inside <= present.version, self.mode())?;
        let version = present.version.map_or(0, |version| version + 1);
        let expected = present.row.as_ref().and(present.version);
        let key: Arc<str> = Arc::from(key);
        let change = row.clone().map_or(RowChange::Remove, RowChange::Put);
        let write = RowWrite { table: Arc::clone(table), key, expected, version, change };
        self.state.done.writes.rows.insert(name, RowState { row, version: Some(version) });
        self.state.done.changes.rows.push(write);
        Ok(())
    }

    fn mode(&self) -> ReadMode {
        self.unit.read.mode
    }

    fn now(&self) -> Timestamp {
        self.unit.env.now()
    }

    fn event(&self, stream: &Stream, event: &Raised, sequence: &str, time: Timestamp) -> Message {
        let Unit { env, cause, .. } = self.unit;
        Message {
            id: format!("{stream}-{sequence}").into(),
            stream: stream.clone(),
            kind: Kind::Event,
            type_name: env.catalog.type_name(event.name, event.version),
            version: event.version,
            priority: cause.priority,
            correlation_id: Arc::clone(&cause.correlation_id),
            causation_id: cause.causation_id.clone(),
            time,
            data: Arc::from(event.data.as_str()),
            extensions: cause.enrichment.inherited(Extensions::default()),
        }
    }
}

/// What a timer of a process is kept under: one of each type.
/// What the timer of a process is kept under in the schedule.
pub(crate) fn timer_key(stream: &Stream, timer: &str) -> Arc<str> {
    format!("{stream}:{timer}").into()
}

/// Whether an instance is as new as what this unit has written of it, and as what was committed
/// while it waited.
///
/// # Errors
/// When it is older. What was committed while it waited is a conflict at first, since the command
/// may do nothing when it is sent again; after that, as with a second copy, the unit would
/// come too late however often it ran.
fn is_current(
    changed: &impl std::fmt::Display,
    by_unit: bool,
    inside: bool,
    mode: ReadMode,
) -> Result {
    match (by_unit, inside) {
        (true, true) => Ok(()),
        (false, _) => Err(Error::misused(format!(
            "{changed} was loaded before this unit of work changed it: load it again after adding it"
        ))),
        (true, false) if mode == ReadMode::Assume => {
            Err(Error::conflict(format!("{changed} was changed by a command of its own handler")))
        }
        (true, false) => Err(Error::misused(format!(
            "{changed} was loaded before a command that this handler waited for changed it: load it \
             again afterwards, or issue the command with `ctx.process`"
        ))),
    }
}
