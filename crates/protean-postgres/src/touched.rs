//! What the units of a transaction touch, and so what has to be loaded for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use protean_port::message::{Category, Priority, Stream, Table};
use protean_port::port::{At, Changes, Dead, IntakeChange, KeyWrite, MessageRef, Park};
use protean_sql::signed;

use crate::coalesced::{self, LaneKey};
use crate::compound::{Column, Compound};
use crate::connection::Session;
use crate::error::Fault;
use crate::row::{self, RowKey, RowState};
use crate::staged::StagedMap;
use crate::value::Text;

/// The most positions between two places of one span.
const MAX_SPAN_GAP: u64 = 16;

/// Two names: of a group and a stream, or of a command and a key.
pub(crate) type Names = (Arc<str>, Arc<str>);

/// A unit, then what may be applied in its place.
pub(crate) fn with_alternatives(unit: &Changes) -> impl Iterator<Item = &Changes> {
    std::iter::successors(Some(unit), |unit| unit.otherwise.as_deref())
}

/// The keys of everything that units touch, except for rows.
#[derive(Default)]
pub(crate) struct Touched {
    streams: BTreeSet<Arc<str>>,
    progress: BTreeMap<Names, Category>,
    keys: BTreeSet<Names>,
    scheduled: BTreeSet<Arc<str>>,
    intake: BTreeSet<u64>,
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
        self.scheduled.extend(unit.schedules.iter().map(|schedule| Arc::clone(schedule.key())));
        self.intake.extend(unit.intake.iter().filter_map(IntakeChange::place));
        for step in &unit.progress {
            self.expects(&step.group, &step.stream);
        }
        for mark in &unit.marks {
            let (group, category, priority) = coalesced::key(mark);
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

    /// Adds what loads all of this.
    pub(crate) fn add_loads<'a>(&'a self, loads: &mut Compound<'a>) {
        if !self.streams.is_empty() {
            let streams: Vec<_> = self.streams.iter().map(|stream| Text(stream)).collect();
            loads.add(include_str!("sql/load_streams.sql"), [Box::new(streams)]);
        }
        if !self.progress.is_empty() {
            let (groups, streams) = pairs(self.progress.keys());
            let categories: Vec<_> = self.progress.values().map(|of| Text(of.as_str())).collect();
            let of: [Column<'_>; 3] = [Box::new(groups), Box::new(streams), Box::new(categories)];
            loads.add(include_str!("sql/load_progress.sql"), of);
        }
        if !self.keys.is_empty() {
            let (commands, keys) = pairs(&self.keys);
            loads.add(include_str!("sql/load_keys.sql"), [Box::new(commands), Box::new(keys)]);
        }
        if !self.scheduled.is_empty() {
            let keys: Vec<_> = self.scheduled.iter().map(|key| Text(key)).collect();
            loads.add(include_str!("sql/load_scheduled.sql"), [Box::new(keys)]);
        }
        if !self.intake.is_empty() {
            let places: Vec<_> = self.intake.iter().map(|place| signed(*place)).collect();
            loads.add(include_str!("sql/load_intake.sql"), [Box::new(places)]);
        }
        if !self.cursors.is_empty() {
            let of = &self.cursors;
            let groups: Vec<_> = of.iter().map(|(group, ..)| Text(group)).collect();
            let categories: Vec<_> = of.iter().map(|(_, of, _)| Text(of.as_str())).collect();
            let priorities: Vec<_> = of.iter().map(|(.., at)| i64::from(at.value())).collect();
            let of: [Column<'_>; 3] =
                [Box::new(groups), Box::new(categories), Box::new(priorities)];
            loads.add(include_str!("sql/load_cursors.sql"), of);
        }
        self.add_places(loads);
        if !self.moved.is_empty() {
            for table in ["parked", "dead"] {
                let sql = include_str!("sql/load_moved.sql").replace("{table}", table);
                let (groups, streams) = pairs(&self.moved);
                let of: Vec<_> = self.moved_messages.iter().map(|(group, _)| Text(group)).collect();
                let at: Vec<_> = self.moved_messages.iter().map(|(_, at)| signed(*at)).collect();
                let moved: [Column<'_>; 4] =
                    [Box::new(groups), Box::new(streams), Box::new(of), Box::new(at)];
                loads.add(&sql, moved);
            }
        }
    }

    fn add_places<'a>(&'a self, loads: &mut Compound<'a>) {
        if !self.places.is_empty() {
            let spans = spans(&self.places);
            let categories: Vec<_> =
                spans.iter().map(|span| Text(span.category.as_str())).collect();
            let priorities: Vec<_> =
                spans.iter().map(|of| i64::from(of.priority.value())).collect();
            let firsts: Vec<_> = spans.iter().map(|span| signed(span.first)).collect();
            let lasts: Vec<_> = spans.iter().map(|span| signed(span.last)).collect();
            let of: [Column<'_>; 4] =
                [Box::new(categories), Box::new(priorities), Box::new(firsts), Box::new(lasts)];
            loads.add(include_str!("sql/load_places.sql"), of);
        }
        if !self.firsts.is_empty() {
            let positions: Vec<_> = self.firsts.iter().map(|(.., at)| signed(*at)).collect();
            let groups: Vec<_> = self.firsts.iter().map(|(group, ..)| Text(group)).collect();
            let categories: Vec<_> =
                self.firsts.iter().map(|(_, of, ..)| Text(of.as_str())).collect();
            let priorities: Vec<_> =
                self.firsts.iter().map(|(_, _, at, _)| i64::from(at.value())).collect();
            let of: [Column<'_>; 4] =
                [Box::new(groups), Box::new(categories), Box::new(priorities), Box::new(positions)];
            loads.add(include_str!("sql/load_done.sql"), of);
        }
    }
}

/// A span of the part of the log that one lane reads.
#[derive(Debug, PartialEq, Eq)]
struct Span<'a> {
    category: &'a Category,
    priority: Priority,
    first: u64,
    last: u64,
}

/// The spans in which these places lie: one span over those close to each other, since a
/// message that is passed over costs less than another search.
fn spans(places: &BTreeSet<(Category, Priority, u64)>) -> Vec<Span<'_>> {
    let mut spans: Vec<Span<'_>> = Vec::new();
    for (category, priority, position) in places {
        match spans.last_mut() {
            Some(span)
                if (span.category, span.priority) == (category, *priority)
                    && position - span.last <= MAX_SPAN_GAP =>
            {
                span.last = *position;
            }
            _ => spans.push(Span {
                category,
                priority: *priority,
                first: *position,
                last: *position,
            }),
        }
    }
    spans
}

fn pairs<'a>(names: impl IntoIterator<Item = &'a Names>) -> (Vec<Text<'a>>, Vec<Text<'a>>) {
    names.into_iter().map(|(one, other)| (Text(one), Text(other))).unzip()
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
        let (a, b) = (Category::named("d::a"), Category::named("d::b"));
        let span = |category, priority, first, last| Span { category, priority, first, last };
        let places = places.into_iter().chain(others).collect::<BTreeSet<_>>();
        let found = spans(&places);
        let expected = [
            span(&a, Priority::BULK, 5, 9),
            span(&a, Priority::BULK, far, far),
            span(&a, Priority::LOW, 6, 6),
            span(&b, Priority::BULK, 10, 10),
        ];
        assert!(found.len() == 4 && expected.iter().all(|span| found.contains(span)), "{found:?}");
    }
}
