//! Messages that wait for their time.

use protean_port::Result;
use protean_port::message::{Priority, Timestamp};
use protean_port::port::{
    BoxFuture, PendingWork, SCHEDULE, ScheduleAccount, Scheduled, ScheduledRead, Schedules,
};
use protean_sql::{limit, unsigned};
use rusqlite::{Connection, Row};

use crate::intake::json;
use crate::recorded::{text, unreadable};
use crate::store::SqliteStore;

/// Both begin with the priorities that there are, in a range.
const SCHEDULED_PRIORITIES: &str =
    concat!(include_str!("sql/scheduled_levels.sql"), include_str!("sql/scheduled_priorities.sql"));
const IS_PENDING: &str =
    concat!(include_str!("sql/scheduled_levels.sql"), include_str!("sql/is_pending.sql"));

impl Schedules for SqliteStore {
    fn scheduled(&self, read: ScheduledRead) -> BoxFuture<'_, Result<Vec<Scheduled>>> {
        Box::pin(self.readers.read(move |view| scheduled(view, &read)))
    }

    fn is_pending(&self, work: PendingWork) -> BoxFuture<'_, Result<bool>> {
        Box::pin(self.readers.read(move |view| {
            let (lowest, highest) = work.range();
            let row = (lowest, highest, work.until.as_micros(), json(&work.domains));
            let mut statement = view.prepare_cached(IS_PENDING)?;
            statement.query_row(row, |row| row.get(0))
        }))
    }

    fn scheduled_under<'a>(&'a self, keys: &'a [&'a str]) -> BoxFuture<'a, Result<Vec<Scheduled>>> {
        let keys = json(keys);
        Box::pin(self.readers.read(move |view| {
            let sql = include_str!("sql/read_scheduled_under.sql");
            view.prepare_cached(sql)?.query_map([&keys], of_row)?.collect()
        }))
    }

    fn schedule_account(&self) -> BoxFuture<'_, Result<ScheduleAccount>> {
        Box::pin(self.readers.read(|view| {
            let mut statement = view.prepare_cached(include_str!("sql/schedule_account.sql"))?;
            let terms = statement.query_map([SCHEDULE], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let terms: Vec<(String, i64)> = terms.collect::<rusqlite::Result<_>>()?;
            Ok(ScheduleAccount::of(terms.iter().map(|(name, count)| (&**name, unsigned(*count)))))
        }))
    }

    /// The machine's clock is that of every process with the file.
    fn time(&self) -> BoxFuture<'_, Result<Option<Timestamp>>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

fn scheduled(view: &Connection, read: &ScheduledRead) -> rusqlite::Result<Vec<Scheduled>> {
    let (lowest, highest) = read.priorities;
    let mut levels = view.prepare_cached(SCHEDULED_PRIORITIES)?;
    let mut page = view.prepare_cached(include_str!("sql/read_scheduled.sql"))?;
    let mut found = Vec::new();
    let range = (lowest.value(), highest.value());
    for priority in levels.query_map(range, |row| row.get(0).map(Priority::new))? {
        let priority = priority?;
        if !read.takes(priority) {
            continue;
        }
        let after = read.after_in(priority);
        let (due, key) = after.map_or((i64::MIN, ""), |at| (at.due.as_micros(), &*at.key));
        let rest = limit(read.limit.saturating_sub(found.len()));
        let row = (priority.value(), due, key, read.until.as_micros(), rest);
        for scheduled in page.query_map(row, of_row)? {
            found.push(scheduled?);
        }
        if found.len() >= read.limit {
            break;
        }
    }
    Ok(found)
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Scheduled> {
    let due = Timestamp::from_micros(row.get(1)?);
    Scheduled::read(text(row, 0)?, due, text(row, 2)?)
        .map_err(|error| unreadable(2, format!("{error:#}")))
}
