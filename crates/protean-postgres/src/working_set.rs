//! The state that the units of a transaction depend on: loaded at its beginning in a few
//! concurrent queries, and changed in memory until it is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use protean_port::message::{Category, Message, Priority, Stream, Table};
use protean_port::port::{At, Changes, Dead, KeyClaim, KeyWrite, MessageRef, Park, Place};
use protean_sql::{signed, unsigned};
use tokio_postgres::Row;

use crate::coalesced::{Coalesced, LaneKey, key};
use crate::connection::{Parameter, Session};
use crate::error::{Fault, all};
use crate::recorded::key_claim;
use crate::row::{self, RowKey, RowState};
use crate::staged::{StagedList, StagedMap};
use crate::value::{Text, number, shared, text};

/// Two names: of a group and a stream, or of a command and a key.
pub(crate) type Names = (Arc<str>, Arc<str>);
/// Positions in the log, each with its position in the stream.
pub(crate) type Places = BTreeMap<u64, u64>;

/// Everything the units of a transaction touch.
#[derive(Default)]
pub(crate) struct WorkingSet<'a> {
    head: u64,
    has_alternatives: bool,
    pub(crate) streams: StagedMap<Arc<str>, u64>,
    pub(crate) messages: StagedList<(Place, &'a Message)>,
    pub(crate) progress: StagedMap<Names, u64>,
    pub(crate) keys: StagedMap<Names, KeyClaim>,
    pub(crate) rows: StagedMap<RowKey, RowState>,
    pub(crate) coalesced: Coalesced,
    pub(crate) parked: StagedMap<Names, Places>,
    pub(crate) dead: StagedMap<Names, Places>,
    pub(crate) moves: StagedList<Move<'a>>,
}

/// A parked or dead message that moves.
#[derive(Clone, Copy)]
pub(crate) enum Move<'a> {
    Park(&'a Park),
    Dead(&'a Dead),
}

/// Applies a method to every part.
macro_rules! each {
    ($set:ident . $method:ident) => {{
        $set.streams.$method();
        $set.messages.$method();
        $set.progress.$method();
        $set.keys.$method();
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

    /// Loads what these units depend on, except for rows.
    pub(crate) async fn load(session: &Session, units: &[&Changes]) -> Result<Self, Fault> {
        let touched = Touched::of(units.iter().copied());
        let mut set = Self::default();
        let head = session.query(include_str!("sql/log_head.sql"), &[]);
        let (head, loaded) = tokio::join!(head, set.load_touched(session, &touched));
        let mut rows = Vec::new();
        // Of two faults the one that led to the other counts.
        all([head.map(|found| rows = found), loaded])?;
        for row in &rows {
            set.head = number(row, 0)?;
        }
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
        self.load_touched(session, &touched).await
    }

    async fn load_touched(&mut self, session: &Session, touched: &Touched) -> Result<(), Fault> {
        let set = self;
        let loaded = tokio::join!(
            touched.streams(session),
            touched.progress(session),
            touched.keys(session),
            touched.cursors(session),
            touched.places(session),
            touched.done(session),
            touched.moved(session, include_str!("sql/load_parked.sql")),
            touched.moved(session, include_str!("sql/load_dead.sql")),
        );
        let [streams, progress, keys, cursors, places, done, parked, dead] = all(loaded.into())?;
        for row in &streams {
            let next = row.try_get::<_, Option<i64>>(1)?;
            set.streams.load(shared(row, 0)?, next.map_or(0, unsigned));
        }
        for row in &progress {
            set.progress.load((shared(row, 0)?, shared(row, 1)?), number(row, 2)?);
        }
        for row in &keys {
            let claim = key_claim(row)?;
            set.keys.load((Arc::clone(&claim.command), Arc::clone(&claim.key)), claim);
        }
        set.take_lanes(&cursors, &places)?;
        for row in &done {
            let (group, category, priority) = lane(row)?;
            let key = (group, category, priority, number(row, 3)?);
            set.coalesced.done.load(key, ());
        }
        for (rows, places) in [(&parked, &mut set.parked), (&dead, &mut set.dead)] {
            for (names, found) in by_stream(rows)? {
                places.load(names, found);
            }
        }
        Ok(())
    }

    fn take_lanes(&mut self, cursors: &[Row], places: &[Row]) -> Result<(), Fault> {
        for row in cursors {
            self.coalesced.load_cursor(lane(row)?, number(row, 3)?, number(row, 4)?);
        }
        for row in places {
            let (category, priority) = (Category::named(&*text(row, 0)?), priority(row, 1)?);
            self.coalesced.load_place(category, priority, number(row, 2)?, number(row, 3)?);
        }
        Ok(())
    }
}

/// Loads the rows that these units write; an error comes with its table.
pub(crate) async fn load_rows(
    session: &Session,
    units: &[&Changes],
) -> Result<StagedMap<RowKey, RowState>, (Fault, Arc<Table>)> {
    let touched = Touched::of(units.iter().flat_map(|unit| with_alternatives(unit))).rows;
    let loads = touched.values().map(|(table, keys)| row::load(session, table, keys));
    let (loaded, mut rows) = (join_all(loads).await, StagedMap::default());
    for ((table, _), loaded) in touched.values().zip(loaded) {
        for (key, now) in loaded.map_err(|fault| (fault, Arc::clone(table)))? {
            rows.load((Arc::from(table.name.as_str()), key), now);
        }
    }
    Ok(rows)
}

fn lane(row: &Row) -> Result<LaneKey, Fault> {
    Ok((shared(row, 0)?, Category::named(&*text(row, 1)?), priority(row, 2)?))
}

fn priority(row: &Row, column: usize) -> Result<Priority, Fault> {
    let priority: i64 = row.try_get(column)?;
    Ok(Priority::new(i32::try_from(priority).unwrap_or(0)))
}

fn by_stream(rows: &[Row]) -> Result<BTreeMap<Names, Places>, Fault> {
    let mut found: BTreeMap<Names, Places> = BTreeMap::new();
    for row in rows {
        let places = found.entry((shared(row, 0)?, shared(row, 1)?)).or_default();
        places.insert(number(row, 2)?, number(row, 3)?);
    }
    Ok(found)
}

/// A unit, then what may be applied in its place.
fn with_alternatives(unit: &Changes) -> impl Iterator<Item = &Changes> {
    std::iter::successors(Some(unit), |unit| unit.otherwise.as_deref())
}

/// The keys of everything that units touch.
#[derive(Default)]
struct Touched {
    streams: BTreeSet<Arc<str>>,
    progress: BTreeMap<Names, Category>,
    keys: BTreeSet<Names>,
    cursors: BTreeSet<LaneKey>,
    /// Messages whose neighbours decide whether a cursor moves to them.
    places: BTreeSet<(Category, Priority, u64)>,
    firsts: BTreeSet<(Arc<str>, Category, Priority, u64)>,
    moved: BTreeSet<Names>,
    moved_messages: BTreeSet<(Arc<str>, u64)>,
    rows: BTreeMap<String, (Arc<Table>, BTreeSet<Arc<str>>)>,
}

impl Touched {
    fn of<'a>(units: impl Iterator<Item = &'a Changes>) -> Self {
        let mut touched = Self::default();
        units.for_each(|unit| touched.add(unit));
        touched
    }

    fn add(&mut self, unit: &Changes) {
        for append in &unit.appends {
            self.streams.insert(append.message.stream.name());
        }
        for write in &unit.keys {
            let (KeyWrite::Claim(claim) | KeyWrite::Settle(claim)) = write;
            self.keys.insert((Arc::clone(&claim.command), Arc::clone(&claim.key)));
        }
        for step in &unit.progress {
            self.expects(&step.group, &step.stream);
        }
        for mark in &unit.marks {
            let (group, category, priority) = key(mark);
            if let At::First(position) | At::Only(position) = mark.at {
                self.places.insert((category.clone(), priority, position));
            }
            if let At::First(position) = mark.at {
                self.firsts.insert((Arc::clone(&group), category.clone(), priority, position));
            }
            self.cursors.insert((group, category, priority));
        }
        for park in &unit.parks {
            match park {
                Park::Keep { group, message, .. }
                | Park::Hold { group, message, .. }
                | Park::Take { group, message } => self.moves(group, message),
                Park::Release { .. } => {}
            }
        }
        for dead in &unit.dead {
            let (Dead::Add { group, message, .. } | Dead::Take { group, message }) = dead;
            self.moves(group, message);
        }
        for write in &unit.rows {
            let fresh = || (Arc::clone(&write.table), BTreeSet::new());
            let (_, keys) = self.rows.entry(write.table.name.clone()).or_insert_with(fresh);
            keys.insert(Arc::clone(&write.key));
        }
    }

    fn expects(&mut self, group: &Arc<str>, stream: &Stream) {
        self.progress.insert((Arc::clone(group), stream.name()), stream.category().clone());
    }

    fn moves(&mut self, group: &Arc<str>, message: &MessageRef) {
        self.expects(group, &message.stream);
        self.moved.insert((Arc::clone(group), message.stream.name()));
        self.moved_messages.insert((Arc::clone(group), message.position));
    }

    async fn streams(&self, session: &Session) -> Result<Vec<Row>, Fault> {
        let streams: Vec<_> = self.streams.iter().map(|stream| Text(stream)).collect();
        some(session, include_str!("sql/load_streams.sql"), streams.len(), &[&streams]).await
    }

    async fn progress(&self, session: &Session) -> Result<Vec<Row>, Fault> {
        let groups: Vec<_> = self.progress.keys().map(|(group, _)| Text(group)).collect();
        let streams: Vec<_> = self.progress.keys().map(|(_, stream)| Text(stream)).collect();
        let categories: Vec<_> = self.progress.values().map(|of| Text(of.as_str())).collect();
        let parameters: [Parameter<'_>; 3] = [&groups, &streams, &categories];
        some(session, include_str!("sql/load_progress.sql"), groups.len(), &parameters).await
    }

    async fn keys(&self, session: &Session) -> Result<Vec<Row>, Fault> {
        let (commands, keys) = pairs(&self.keys);
        let parameters: [Parameter<'_>; 2] = [&commands, &keys];
        some(session, include_str!("sql/load_keys.sql"), keys.len(), &parameters).await
    }

    async fn cursors(&self, session: &Session) -> Result<Vec<Row>, Fault> {
        let touched = &self.cursors;
        let groups: Vec<_> = touched.iter().map(|(group, ..)| Text(group)).collect();
        let categories: Vec<_> = touched.iter().map(|(_, of, _)| Text(of.as_str())).collect();
        let priorities: Vec<_> = touched.iter().map(|(.., at)| i64::from(at.value())).collect();
        let parameters: [Parameter<'_>; 3] = [&groups, &categories, &priorities];
        some(session, include_str!("sql/load_cursors.sql"), groups.len(), &parameters).await
    }

    async fn places(&self, session: &Session) -> Result<Vec<Row>, Fault> {
        let touched = &self.places;
        let categories: Vec<_> = touched.iter().map(|(of, ..)| Text(of.as_str())).collect();
        let priorities: Vec<_> = touched.iter().map(|(_, at, _)| i64::from(at.value())).collect();
        let positions: Vec<_> = touched.iter().map(|(.., position)| signed(*position)).collect();
        let parameters: [Parameter<'_>; 3] = [&categories, &priorities, &positions];
        some(session, include_str!("sql/load_places.sql"), positions.len(), &parameters).await
    }

    async fn done(&self, session: &Session) -> Result<Vec<Row>, Fault> {
        let touched = &self.firsts;
        let groups: Vec<_> = touched.iter().map(|(group, ..)| Text(group)).collect();
        let categories: Vec<_> = touched.iter().map(|(_, of, ..)| Text(of.as_str())).collect();
        let priorities: Vec<_> =
            touched.iter().map(|(_, _, at, _)| i64::from(at.value())).collect();
        let positions: Vec<_> = touched.iter().map(|(.., position)| signed(*position)).collect();
        let parameters: [Parameter<'_>; 4] = [&groups, &categories, &priorities, &positions];
        some(session, include_str!("sql/load_done.sql"), groups.len(), &parameters).await
    }

    async fn moved(&self, session: &Session, sql: &str) -> Result<Vec<Row>, Fault> {
        let (groups, streams) = pairs(&self.moved);
        let of: Vec<_> = self.moved_messages.iter().map(|(group, _)| Text(group)).collect();
        let at: Vec<_> = self.moved_messages.iter().map(|(_, at)| signed(*at)).collect();
        let parameters: [Parameter<'_>; 4] = [&groups, &streams, &of, &at];
        some(session, sql, groups.len(), &parameters).await
    }
}

fn pairs(names: &BTreeSet<Names>) -> (Vec<Text<'_>>, Vec<Text<'_>>) {
    names.iter().map(|(one, other)| (Text(one), Text(other))).unzip()
}

/// The rows; without any keys there is no query.
async fn some(
    session: &Session,
    sql: &str,
    touched: usize,
    parameters: &[Parameter<'_>],
) -> Result<Vec<Row>, Fault> {
    if touched == 0 { Ok(Vec::new()) } else { session.query(sql, parameters).await }
}
