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

/// The most positions between two places of one span.
const MAX_SPAN_GAP: u64 = 16;

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

    /// Loads what units depend on that touch these, except for rows.
    pub(crate) async fn load(session: &Session, touched: &Touched) -> Result<Self, Fault> {
        let mut set = Self::default();
        let head = session.query(include_str!("sql/log_head.sql"), &[]);
        let (head, loaded) = tokio::join!(head, set.load_touched(session, touched));
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
            let (cursor, is_marked, head) = (number(row, 3)?, row.try_get(4)?, number(row, 5)?);
            self.coalesced.load_cursor(lane(row)?, cursor, is_marked, head);
        }
        for row in places {
            let (category, priority) = (Category::named(&*text(row, 0)?), priority(row, 1)?);
            self.coalesced.load_place(category, priority, number(row, 2)?, number(row, 3)?);
        }
        Ok(())
    }
}

/// The keys of the rows that units write, by table.
pub(crate) struct TouchedRows(BTreeMap<String, (Arc<Table>, BTreeSet<Arc<str>>)>);

impl TouchedRows {
    /// The rows of these units, and of those that may be applied in their place.
    pub(crate) fn of(units: &[&Changes]) -> Self {
        let mut touched = Self(BTreeMap::new());
        for write in units.iter().flat_map(|unit| with_alternatives(unit)).flat_map(|of| &of.rows) {
            let fresh = || (Arc::clone(&write.table), BTreeSet::new());
            let (_, keys) = touched.0.entry(write.table.name.clone()).or_insert_with(fresh);
            keys.insert(Arc::clone(&write.key));
        }
        touched
    }

    /// Loads them; an error comes with its table.
    pub(crate) async fn load(
        &self,
        session: &Session,
    ) -> Result<StagedMap<RowKey, RowState>, (Fault, Arc<Table>)> {
        let loads = self.0.values().map(|(table, keys)| row::load(session, table, keys));
        let (loaded, mut rows) = (join_all(loads).await, StagedMap::default());
        for ((table, _), loaded) in self.0.values().zip(loaded) {
            for (key, now) in loaded.map_err(|fault| (fault, Arc::clone(table)))? {
                rows.load((Arc::from(table.name.as_str()), key), now);
            }
        }
        Ok(rows)
    }
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

/// The keys of everything that units touch, except for rows.
#[derive(Default)]
pub(crate) struct Touched {
    streams: BTreeSet<Arc<str>>,
    progress: BTreeMap<Names, Category>,
    keys: BTreeSet<Names>,
    cursors: BTreeSet<LaneKey>,
    /// Messages whose neighbours decide whether a cursor moves to them.
    places: BTreeSet<(Category, Priority, u64)>,
    firsts: BTreeSet<(Arc<str>, Category, Priority, u64)>,
    moved: BTreeSet<Names>,
    moved_messages: BTreeSet<(Arc<str>, u64)>,
}

impl Touched {
    pub(crate) fn of<'a>(units: impl Iterator<Item = &'a Changes>) -> Self {
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
        let touched = spans(&self.places);
        let categories: Vec<_> = touched.iter().map(|span| Text(span.category.as_str())).collect();
        let priorities: Vec<_> = touched.iter().map(|of| i64::from(of.priority.value())).collect();
        let firsts: Vec<_> = touched.iter().map(|span| signed(span.first)).collect();
        let lasts: Vec<_> = touched.iter().map(|span| signed(span.last)).collect();
        let parameters: [Parameter<'_>; 4] = [&categories, &priorities, &firsts, &lasts];
        some(session, include_str!("sql/load_places.sql"), touched.len(), &parameters).await
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

/// A span of the part of the log that one lane reads.
#[derive(Debug, PartialEq, Eq)]
struct Span {
    category: Category,
    priority: Priority,
    first: u64,
    last: u64,
}

/// The spans in which these places lie: one span over those close to each other, since a
/// message that is passed over costs less than another search.
fn spans(places: &BTreeSet<(Category, Priority, u64)>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (category, priority, position) in places {
        match spans.last_mut() {
            Some(span)
                if (&span.category, span.priority) == (category, *priority)
                    && position - span.last <= MAX_SPAN_GAP =>
            {
                span.last = *position;
            }
            _ => spans.push(Span {
                category: category.clone(),
                priority: *priority,
                first: *position,
                last: *position,
            }),
        }
    }
    spans
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use protean_port::message::{Category, Priority};

    use super::{MAX_SPAN_GAP, Span, spans};

    #[test]
    fn one_span_for_places_of_a_lane_that_are_close_to_each_other() {
        let at = |of: &str, priority, position| (Category::named(of), priority, position);
        let far = 9 + MAX_SPAN_GAP + 1;
        let places = [5, 7, 9, far].map(|position| at("d::a", Priority::BULK, position));
        let others = [at("d::a", Priority::LOW, 6), at("d::b", Priority::BULK, 10)];
        let span = |of: &str, priority, first, last| Span {
            category: Category::named(of),
            priority,
            first,
            last,
        };
        let found = spans(&places.into_iter().chain(others).collect::<BTreeSet<_>>());
        let expected = [
            span("d::a", Priority::BULK, 5, 9),
            span("d::a", Priority::BULK, far, far),
            span("d::a", Priority::LOW, 6, 6),
            span("d::b", Priority::BULK, 10, 10),
        ];
        assert!(found.len() == 4 && expected.iter().all(|span| found.contains(span)), "{found:?}");
    }
}
