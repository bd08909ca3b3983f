//! The state that the units of a transaction depend on: loaded at its beginning in a few
//! concurrent queries, and changed in memory until it is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use protean_port::message::{Category, Message, Priority, Timestamp};
use protean_port::port::{Changes, Dead, IntakeChange, KeyClaim, Park, Place, Scheduled};
use protean_sql::unsigned;
use tokio_postgres::Row;

use crate::coalesced::{Coalesced, LaneKey};
use crate::compound::Compound;
use crate::connection::Session;
use crate::error::Fault;
use crate::row::{RowKey, RowState};
use crate::staged::{StagedList, StagedMap};
use crate::touched::{Names, Touched, with_alternatives};
use crate::value::{number, shared, text, text_or_null};

/// The first number of a loaded row.
const NUMBER: usize = 5;

/// Positions in the log, each with its position in the stream.
pub(crate) type Places = BTreeMap<u64, u64>;

/// Everything the units of a transaction touch.
#[derive(Default)]
pub(crate) struct WorkingSet<'a> {
    head: u64,
    /// The generation of the correlations that the store has.
    pub(crate) correlations: u64,
    has_alternatives: bool,
    pub(crate) streams: StagedMap<Arc<str>, u64>,
    pub(crate) messages: StagedList<(Place, &'a Message)>,
    pub(crate) progress: StagedMap<Names, u64>,
    pub(crate) keys: StagedMap<Names, KeyClaim>,
    pub(crate) scheduled: StagedMap<Arc<str>, Slot<'a>>,
    /// By the places of the rows.
    pub(crate) intake: StagedMap<u64, IntakeState>,
    pub(crate) rows: StagedMap<RowKey, RowState>,
    pub(crate) coalesced: Coalesced,
    pub(crate) parked: StagedMap<Names, Places>,
    pub(crate) dead: StagedMap<Names, Places>,
    pub(crate) moves: StagedList<Move<'a>>,
}

/// What is scheduled under a key.
#[derive(Clone)]
pub(crate) enum Slot<'a> {
    /// Nothing any more.
    Free,
    /// The message of this id, which the database has.
    Kept(Arc<str>),
    /// This message, once it is written.
    New(&'a Scheduled),
}

/// The state of an intake row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum IntakeState {
    /// It waits.
    Waiting,
    /// It is rejected.
    Rejected,
    /// It was taken and will be deleted.
    Taken,
    /// It was deleted by a separate statement.
    Gone,
}

/// A parked or dead message that moves, or a row of the intake.
#[derive(Clone, Copy)]
pub(crate) enum Move<'a> {
    Park(&'a Park),
    Dead(&'a Dead),
    Intake(&'a IntakeChange),
}

impl Move<'_> {
    /// True for a row of the intake that is rejected.
    pub(crate) fn is_reject(&self) -> bool {
        matches!(self, Self::Intake(IntakeChange::Reject { .. }))
    }
}

/// Applies a method to every part.
macro_rules! each {
    ($set:ident . $method:ident) => {{
        $set.streams.$method();
        $set.messages.$method();
        $set.progress.$method();
        $set.keys.$method();
        $set.scheduled.$method();
        $set.intake.$method();
        $set.rows.$method();
        $set.coalesced.cursors.$method();
        $set.coalesced.done.$method();
        $set.coalesced.counts.$method();
        $set.parked.$method();
        $set.dead.$method();
        $set.moves.$method();
    }};
}

impl WorkingSet<'_> {
    /// The position of the next message in the log.
    pub(crate) fn next_position(&self) -> u64 {
        self.head + self.messages.all().len() as u64 + 1
    }

    /// Keeps the changes of the current unit.
    pub(crate) fn keep(&mut self) {
        each!(self.keep);
    }

    /// Undoes the changes of the current unit.
    pub(crate) fn undo(&mut self) {
        each!(self.undo);
    }

    /// Takes the kept changes as written.
    pub(crate) fn settle(&mut self) {
        each!(self.settle);
    }

    /// Drops the kept changes, which could not be written.
    pub(crate) fn discard(&mut self) {
        each!(self.undo);
        each!(self.discard);
    }

    /// Loads what units depend on that touch these, except for rows.
    pub(crate) async fn load(session: &Session, touched: &Touched) -> Result<Self, Fault> {
        let (mut set, mut loads) = (Self::default(), Compound::default());
        loads.add(include_str!("sql/log_head.sql"), []);
        touched.add_loads(&mut loads);
        set.take_in(&loads.rows(session).await?)?;
        Ok(set)
    }

    /// Loads what these units and those that may be applied in their place depend on, except
    /// for rows. It is needed only once a unit is left out, which is rare.
    pub(crate) async fn load_alternatives(
        &mut self,
        session: &Session,
        units: &[&Changes],
    ) -> Result<(), Fault> {
        if std::mem::replace(&mut self.has_alternatives, true) {
            return Ok(());
        }
        let touched = Touched::of(units.iter().flat_map(|unit| with_alternatives(unit)));
        let mut loads = Compound::default();
        touched.add_loads(&mut loads);
        self.take_in(&loads.rows(session).await?)
    }

    /// Takes in rows of all kinds: each begins with its kind, then come four texts, three
    /// numbers and a truth value, null where the kind has none.
    fn take_in(&mut self, rows: &[Row]) -> Result<(), Fault> {
        for row in rows {
            match &*text(row, 0)? {
                "head" => {
                    self.head = number(row, NUMBER)?;
                    let generation = row.try_get::<_, Option<i64>>(NUMBER + 1)?;
                    self.correlations = generation.map_or(0, unsigned);
                }
                "stream" => {
                    let next = row.try_get::<_, Option<i64>>(NUMBER)?;
                    self.streams.load(shared(row, 1)?, next.map_or(0, unsigned));
                }
                "progress" => self.progress.load(pair(row)?, number(row, NUMBER)?),
                "key" => self.keys.load(pair(row)?, key(row)?),
                "scheduled" => {
                    self.scheduled.load(shared(row, 1)?, Slot::Kept(shared(row, 2)?));
                }
                "intake" => self.intake.load(number(row, NUMBER)?, IntakeState::Waiting),
                "intake_reject" => self.intake.load(number(row, NUMBER)?, IntakeState::Rejected),
                "cursor" => {
                    let (cursor, last) = (number(row, NUMBER + 1)?, number(row, NUMBER + 2)?);
                    let is_marked = row.try_get(NUMBER + 3)?;
                    self.coalesced.load_cursor(lane(row)?, cursor, is_marked, last);
                }
                "place" => {
                    let category = Category::named(&*text(row, 1)?);
                    let (position, before) = (number(row, NUMBER + 1)?, number(row, NUMBER + 2)?);
                    self.coalesced.load_place(category, priority(row)?, position, before);
                }
                "done" => {
                    let (group, category, priority) = lane(row)?;
                    let mark = (group, category, priority, number(row, NUMBER + 1)?);
                    self.coalesced.done.load(mark, ());
                }
                "parked" => load_place_of(&mut self.parked, row)?,
                "dead" => load_place_of(&mut self.dead, row)?,
                other => return Err(Fault::Unreadable(format!("'{other}' is no kind of row"))),
            }
        }
        Ok(())
    }
}

fn pair(row: &Row) -> Result<Names, Fault> {
    Ok((shared(row, 1)?, shared(row, 2)?))
}

fn key(row: &Row) -> Result<KeyClaim, Fault> {
    let (command, key) = pair(row)?;
    Ok(KeyClaim {
        command,
        key,
        message_id: shared(row, 3)?,
        output: text_or_null(row, 4)?.map(|output| Arc::from(&*output)),
        time: Timestamp::from_micros(row.try_get(NUMBER)?),
        expires: Timestamp::from_micros(row.try_get(NUMBER + 1)?),
    })
}

fn lane(row: &Row) -> Result<LaneKey, Fault> {
    Ok((shared(row, 1)?, Category::named(&*text(row, 2)?), priority(row)?))
}

fn priority(row: &Row) -> Result<Priority, Fault> {
    let priority: i64 = row.try_get(NUMBER)?;
    Ok(Priority::new(i32::try_from(priority).unwrap_or(0)))
}

fn load_place_of(places: &mut StagedMap<Names, Places>, row: &Row) -> Result<(), Fault> {
    let (position, stream_position) = (number(row, NUMBER)?, number(row, NUMBER + 1)?);
    places.loaded(pair(row)?).insert(position, stream_position);
    Ok(())
}
