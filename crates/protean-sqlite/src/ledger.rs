//! Reads what groups have done.

use std::collections::BTreeMap;

use protean_core::Result;
use protean_core::message::{Category, Priority, Stream, Timestamp};
use protean_core::port::{
    BoxFuture, Claim, Delivery, LaneStanding, Ledger, ParkedPage, Standing, Term,
};
use rusqlite::{Connection, OptionalExtension};

use crate::claim;
use crate::coalesced::{read_cursor, read_start};
use crate::log::{Names, next, priorities};
use crate::store::SqliteStore;
use crate::unit::{first_expected, read_progress};
use crate::value::{limit, signed, unsigned};

impl Ledger for SqliteStore {
    fn next<'a>(&'a self, group: &'a str, stream: &'a Stream) -> BoxFuture<'a, Result<u64>> {
        let (group, stream) = (group.to_owned(), stream.clone());
        Box::pin(self.readers.read(move |view| match read_progress(view, &group, &stream)? {
            Some(next) => Ok(next),
            None => {
                let start = read_start(view, &group, stream.category())?;
                first_expected(view, stream.as_str(), start)
            }
        }))
    }

    fn blocked<'a>(
        &'a self,
        group: &'a str,
        stream: &'a Stream,
        position: u64,
    ) -> BoxFuture<'a, Result<bool>> {
        let (group, stream) = (group.to_owned(), stream.clone());
        Box::pin(self.readers.read(move |view| {
            let mut statement = view.prepare_cached(include_str!("sql/is_blocked.sql"))?;
            statement.query_row((group, stream.as_str(), signed(position)), |row| row.get(0))
        }))
    }

    fn parked<'a>(
        &'a self,
        group: &'a str,
        category: &'a Category,
        now: Timestamp,
        limit: usize,
    ) -> BoxFuture<'a, Result<ParkedPage>> {
        let (group, category) = (group.to_owned(), category.clone());
        Box::pin(self.readers.read(move |view| read_parked(view, &group, &category, (now, limit))))
    }

    fn standing<'a>(
        &'a self,
        group: &'a str,
        category: &'a Category,
    ) -> BoxFuture<'a, Result<Standing>> {
        let (group, category) = (group.to_owned(), category.clone());
        Box::pin(self.readers.read(move |view| read_standing(view, &group, &category)))
    }

    fn claim<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Option<Claim>>> {
        Box::pin(async move { claim::take(&self.settings.beside("-claims"), group) })
    }
}

fn read_parked(
    view: &Connection,
    group: &str,
    category: &Category,
    (now, most): (Timestamp, usize),
) -> rusqlite::Result<ParkedPage> {
    let start = read_start(view, group, category)?;
    let mut statement = view.prepare_cached(include_str!("sql/read_parked.sql"))?;
    // One more than asked for: the first that is not on the page says when to come again.
    let mut rows = statement.query((group, category.as_str(), limit(most.saturating_add(1))))?;
    let (mut page, mut names) = (ParkedPage::default(), Names::default());
    while let Some(row) = rows.next()? {
        let due = Timestamp::from_micros(row.get(16)?);
        if due > now || page.due.len() == most {
            page.next_due = Some(due);
            break;
        }
        let recorded = names.recorded(row)?;
        let next = next(view, row.get(14)?, recorded.message.stream.as_str(), start)?;
        page.due.push(Delivery { recorded, next, attempts: row.get(15)?, parked: true });
    }
    Ok(page)
}

fn read_standing(
    view: &Connection,
    group: &str,
    category: &Category,
) -> rusqlite::Result<Standing> {
    let account = Account { view, group, category, start: read_start(view, group, category)? };
    let (parked, dead) = (
        account.by_priority(include_str!("sql/count_parked.sql"))?,
        account.by_priority(include_str!("sql/count_dead.sql"))?,
    );
    let mut standing = Standing { counts: account.counts()?, ..Standing::default() };
    let (lowest, highest) = (Priority::new(i32::MIN), Priority::new(i32::MAX));
    for priority in priorities(view, category, lowest, highest)? {
        standing.committed += account.messages_after(priority, account.start)?;
        let mut lane = account.lane(priority)?;
        lane.parked = parked.get(&priority).copied().unwrap_or(0);
        lane.dead = dead.get(&priority).copied().unwrap_or(0);
        standing.lanes.push(lane);
    }
    Ok(standing)
}

/// Whose standing is read, in one view of the database.
struct Account<'a> {
    view: &'a Connection,
    group: &'a str,
    category: &'a Category,
    start: u64,
}

impl Account<'_> {
    fn lane(&self, priority: Priority) -> rusqlite::Result<LaneStanding> {
        let moved = read_cursor(self.view, self.group, self.category, priority)?;
        let cursor = moved.unwrap_or(self.start).max(self.start);
        let (group, category) = (self.group, self.category.as_str());
        let key = (group, category, priority.value(), signed(cursor));
        let mut done = self.view.prepare_cached(include_str!("sql/count_done.sql"))?;
        let mut oldest = self.view.prepare_cached(include_str!("sql/oldest_in_lane.sql"))?;
        let mut head = self.view.prepare_cached(include_str!("sql/lane_head.sql"))?;
        let done = unsigned(done.query_row(key, |row| row.get(0))?);
        Ok(LaneStanding {
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
        let read =
            |row: &rusqlite::Row<'_>| Ok((Priority::new(row.get(0)?), unsigned(row.get(1)?)));
        statement.query_map((self.group, self.category.as_str()), read)?.collect()
    }

    fn counts(&self) -> rusqlite::Result<BTreeMap<Term, u64>> {
        let mut statement = self.view.prepare_cached(include_str!("sql/read_counters.sql"))?;
        let mut rows = statement.query((self.group, self.category.as_str()))?;
        let mut counts = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let name = row.get_ref(0)?.as_str()?;
            // A term of a later release is not part of this account.
            if let Some(term) = Term::ALL.into_iter().find(|term| term.as_str() == name) {
                counts.insert(term, unsigned(row.get(1)?));
            }
        }
        Ok(counts)
    }
}
