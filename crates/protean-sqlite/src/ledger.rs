//! Reads the state of groups: progress, parked messages, dead letters, counts.

use std::collections::BTreeMap;

use protean_port::Result;
use protean_port::message::{Category, Priority, Recorded, Stream, Timestamp};
use protean_port::port::{
    BoxFuture, Claim, Counter, DeadLetter, DeadLetterRead, Delivery, GroupStatus, Ledger,
    ParkedNote, ParkedPage, ParkedRead, Parking, PriorityStatus,
};
use protean_sql::{SharedNames, limit, signed, unsigned};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::claim;
use crate::coalesced::GroupView;
use crate::recorded::{priorities, recorded};
use crate::store::SqliteStore;

impl Ledger for SqliteStore {
    fn next<'a>(&'a self, group: &'a str, stream: &'a Stream) -> BoxFuture<'a, Result<u64>> {
        let (group, stream) = (group.to_owned(), stream.clone());
        Box::pin(
            self.readers.read(move |view| {
                GroupView::of(view, &group, stream.category())?.expected(&stream)
            }),
        )
    }

    fn blocked<'a>(
        &'a self,
        group: &'a str,
        stream: &'a Stream,
        position: u64,
    ) -> BoxFuture<'a, Result<bool>> {
        let (group, stream) = (group.to_owned(), stream.clone());
        Box::pin(self.readers.read(move |view| {
            GroupView::of(view, &group, stream.category())?.is_blocked(&stream, position)
        }))
    }

    fn parked(&self, read: ParkedRead) -> BoxFuture<'_, Result<ParkedPage>> {
        Box::pin(self.readers.read(move |view| read_parked(view, &read)))
    }

    fn group_status<'a>(
        &'a self,
        group: &'a str,
        category: &'a Category,
    ) -> BoxFuture<'a, Result<GroupStatus>> {
        let (group, category) = (group.to_owned(), category.clone());
        Box::pin(self.readers.read(move |view| GroupView::of(view, &group, &category)?.status()))
    }

    fn claim<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Option<Box<dyn Claim>>>> {
        Box::pin(async move { claim::take(&self.settings.beside("-claims"), group, &self.file) })
    }

    fn recall<'a>(
        &'a self,
        group: &'a str,
        category: &'a Category,
        positions: &'a [u64],
    ) -> BoxFuture<'a, Result<Vec<Delivery>>> {
        let (group, category) = (group.to_owned(), category.clone());
        let mut positions = positions.to_vec();
        positions.sort_unstable();
        positions.dedup();
        Box::pin(
            self.readers
                .read(move |view| GroupView::of(view, &group, &category)?.recall(&positions)),
        )
    }

    fn dead_letters(&self, read: DeadLetterRead) -> BoxFuture<'_, Result<Vec<DeadLetter>>> {
        Box::pin(self.readers.read(move |view| read_dead_letters(view, &read)))
    }
}

impl Parking for SqliteStore {
    fn parked_note<'a>(
        &'a self,
        group: &'a str,
        position: u64,
    ) -> BoxFuture<'a, Result<Option<ParkedNote>>> {
        let group = group.to_owned();
        Box::pin(self.readers.read(move |view| {
            let mut statement = view.prepare_cached(include_str!("sql/read_parked_note.sql"))?;
            let read = |row: &Row<'_>| {
                let due = row.get::<_, Option<i64>>(1)?.map(Timestamp::from_micros);
                Ok(ParkedNote { attempts: row.get(0)?, due, reason: row.get(2)? })
            };
            statement.query_row((group, signed(position)), read).optional()
        }))
    }
}

fn read_parked(view: &Connection, read: &ParkedRead) -> rusqlite::Result<ParkedPage> {
    let times = parked_times(view, read)?;
    let due = times.iter().take_while(|(due, _)| *due <= read.now).count().min(read.limit);
    let next_due = times.get(due).map(|(due, _)| *due);
    let group = GroupView::of(view, &read.group, &read.category)?;
    let mut statement = view.prepare_cached(include_str!("sql/read_parked.sql"))?;
    let mut names = SharedNames::default();
    let mut parked = |position: &i64| {
        let key = (&read.group, position);
        let found = statement.query_row(key, |row| group.parked_delivery(&mut names, row));
        found.optional().transpose()
    };
    let due = times[..due].iter().filter_map(|(_, position)| parked(position));
    Ok(ParkedPage { due: due.collect::<rusqlite::Result<_>>()?, next_due })
}

fn read_dead_letters(
    view: &Connection,
    read: &DeadLetterRead,
) -> rusqlite::Result<Vec<DeadLetter>> {
    let mut statement = view.prepare_cached(include_str!("sql/read_dead_letters.sql"))?;
    let mut names = SharedNames::default();
    let (category, before) = (read.category.as_str(), read.before.as_micros());
    let page = (&read.group, category, signed(read.after), before, limit(read.limit));
    let dead_letters = statement.query_map(page, |row| {
        let recorded = recorded(&mut names, row)?;
        let time = Timestamp::from_micros(row.get(16)?);
        Ok(DeadLetter { recorded, attempts: row.get(14)?, reason: row.get(15)?, time })
    })?;
    dead_letters.collect()
}

/// The due times and positions of the parked messages of a range, longest due first.
/// One more than the limit: the first message beyond the page says when to read again.
fn parked_times(view: &Connection, read: &ParkedRead) -> rusqlite::Result<Vec<(Timestamp, i64)>> {
    let (group, category) = (&read.group, read.category.as_str());
    let (lowest, highest) = read.range;
    let mut levels = view.prepare_cached(include_str!("sql/parked_priorities.sql"))?;
    let mut statement = view.prepare_cached(include_str!("sql/parked_times.sql"))?;
    let rows = limit(read.limit.saturating_add(1));
    let range = params![group, category, lowest.value(), highest.value()];
    let mut times = Vec::new();
    for priority in levels.query_map(range, |row| row.get::<_, i32>(0))? {
        let due = |row: &Row<'_>| Ok((Timestamp::from_micros(row.get(0)?), row.get::<_, i64>(1)?));
        for time in statement.query_map(params![group, category, priority?, rows], due)? {
            times.push(time?);
        }
    }
    times.sort_unstable();
    Ok(times)
}

impl GroupView<'_> {
    /// A parked message in a row that ends with its attempts.
    fn parked_delivery(
        &self,
        names: &mut SharedNames,
        row: &Row<'_>,
    ) -> rusqlite::Result<Delivery> {
        let delivery = self.delivery(names, row)?;
        Ok(Delivery { attempts: row.get(15)?, parked: true, ..delivery })
    }

    /// The messages at these positions that are parked or not settled.
    fn recall(&self, positions: &[u64]) -> rusqlite::Result<Vec<Delivery>> {
        let mut parked = self.view.prepare_cached(include_str!("sql/read_parked.sql"))?;
        let mut message = self.view.prepare_cached(include_str!("sql/read_message.sql"))?;
        let mut names = SharedNames::default();
        let mut recalled = Vec::new();
        for position in positions.iter().map(|position| signed(*position)) {
            let key = (self.group, position);
            let kept = parked.query_row(key, |row| self.parked_delivery(&mut names, row));
            if let Some(kept) = kept.optional()? {
                let is_here = kept.recorded.message.stream.category() == self.category;
                recalled.extend(is_here.then_some(kept));
                continue;
            }
            let place = (self.group, self.category.as_str(), position);
            let found = message.query_row(place, |row| self.delivery(&mut names, row));
            if let Some(found) = found.optional()?
                && !self.is_settled(&found.recorded)?
            {
                recalled.push(found);
            }
        }
        Ok(recalled)
    }

    /// True when the cursor or a done mark says so.
    fn is_settled(&self, recorded: &Recorded) -> rusqlite::Result<bool> {
        let (priority, position) = (recorded.message.priority, recorded.position);
        Ok(position <= self.cursor(priority)? || self.is_done(priority, position)?)
    }

    fn status(&self) -> rusqlite::Result<GroupStatus> {
        let parked = self.by_priority(include_str!("sql/count_parked.sql"))?;
        let dead = self.by_priority(include_str!("sql/count_dead.sql"))?;
        let mut status = GroupStatus { counts: self.counts()?, ..GroupStatus::default() };
        for priority in priorities(self.view, self.category, Priority::ALL)? {
            status.committed += self.messages_after(priority, self.start)?;
            let mut lane = self.lane(priority)?;
            lane.parked = parked.get(&priority).copied().unwrap_or(0);
            lane.dead = dead.get(&priority).copied().unwrap_or(0);
            status.lanes.push(lane);
        }
        Ok(status)
    }

    fn lane(&self, priority: Priority) -> rusqlite::Result<PriorityStatus> {
        let cursor = self.cursor(priority)?;
        let (group, category) = (self.group, self.category.as_str());
        let key = (group, category, priority.value(), signed(cursor));
        let mut done = self.view.prepare_cached(include_str!("sql/count_done.sql"))?;
        let mut oldest = self.view.prepare_cached(include_str!("sql/oldest_in_lane.sql"))?;
        let mut head = self.view.prepare_cached(include_str!("sql/lane_head.sql"))?;
        let done = unsigned(done.query_row(key, |row| row.get(0))?);
        Ok(PriorityStatus {
            priority,
            lag: self.messages_after(priority, cursor)?.saturating_sub(done),
            oldest: oldest.query_row(key, |row| row.get(0)).optional()?.map(Timestamp::from_micros),
            parked: 0,
            dead: 0,
            cursor,
            head: unsigned(head.query_row((category, priority.value()), |row| row.get(0))?),
        })
    }

    fn messages_after(&self, priority: Priority, position: u64) -> rusqlite::Result<u64> {
        let mut statement = self.view.prepare_cached(include_str!("sql/count_lane.sql"))?;
        let key = (self.category.as_str(), priority.value(), signed(position));
        statement.query_row(key, |row| row.get(0)).map(unsigned)
    }

    fn by_priority(&self, sql: &str) -> rusqlite::Result<BTreeMap<Priority, u64>> {
        let mut statement = self.view.prepare_cached(sql)?;
        let read = |row: &Row<'_>| Ok((Priority::new(row.get(0)?), unsigned(row.get(1)?)));
        statement.query_map((self.group, self.category.as_str()), read)?.collect()
    }

    fn counts(&self) -> rusqlite::Result<BTreeMap<Counter, u64>> {
        let mut statement = self.view.prepare_cached(include_str!("sql/read_counters.sql"))?;
        let mut rows = statement.query((self.group, self.category.as_str()))?;
        let mut counts = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let name = row.get_ref(0)?.as_str()?;
            // A counter of a later release is unknown here.
            if let Some(counter) = Counter::ALL.into_iter().find(|counter| counter.as_str() == name)
            {
                counts.insert(counter, unsigned(row.get(1)?));
            }
        }
        Ok(counts)
    }
}
