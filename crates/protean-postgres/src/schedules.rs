//! Messages that wait for their time.

use protean_port::Result;
use protean_port::message::{Priority, Timestamp};
use protean_port::port::{
    BoxFuture, SCHEDULE, ScheduleAccount, Scheduled, ScheduledRead, Schedules,
};
use protean_sql::{limit, unsigned};
use tokio_postgres::Row;

use crate::connection::{Parameter, Session};
use crate::error::Fault;
use crate::store::PostgresStore;
use crate::value::{Text, text};

impl Schedules for PostgresStore {
    fn scheduled(&self, read: ScheduledRead) -> BoxFuture<'_, Result<Vec<Scheduled>>> {
        Box::pin(async move {
            let session = self.readers.one().await?;
            self.explained(scheduled(&session, &read).await)
        })
    }

    fn scheduled_under<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Scheduled>>> {
        Box::pin(async move {
            let sql = include_str!("sql/read_scheduled_under.sql");
            let rows = self.read(sql, &[&Text(key)]).await?;
            self.explained(rows.first().map(of_row).transpose())
        })
    }

    fn schedule_account(&self) -> BoxFuture<'_, Result<ScheduleAccount>> {
        Box::pin(async move {
            let rows =
                self.read(include_str!("sql/schedule_account.sql"), &[&Text(SCHEDULE)]).await?;
            let terms = rows.iter().map(|row| Ok((text(row, 0)?, row.try_get(1)?)));
            let terms = terms.collect::<Result<Vec<(_, i64)>, Fault>>();
            let terms = self.explained(terms)?;
            Ok(ScheduleAccount::of(terms.iter().map(|(name, count)| (&**name, unsigned(*count)))))
        })
    }

    fn time(&self) -> BoxFuture<'_, Result<Option<Timestamp>>> {
        Box::pin(async move {
            let rows = self.read(include_str!("sql/time.sql"), &[]).await?;
            let micros = rows.first().map(|row| row.try_get(0)).transpose();
            self.explained(micros.map_err(Into::into)).map(|at| at.map(Timestamp::from_micros))
        })
    }
}

async fn scheduled(session: &Session, read: &ScheduledRead) -> Result<Vec<Scheduled>, Fault> {
    let (lowest, highest) = read.priorities;
    let range: [Parameter<'_>; 2] = [&i64::from(lowest.value()), &i64::from(highest.value())];
    let levels = session.query(include_str!("sql/scheduled_priorities.sql"), &range).await?;
    let mut found = Vec::new();
    for level in &levels {
        let level: i64 = level.try_get(0)?;
        let priority = Priority::new(i32::try_from(level).unwrap_or_default());
        if !read.takes(priority) {
            continue;
        }
        let after = read.after_in(priority);
        let (due, key) = after.map_or((i64::MIN, ""), |at| (at.due.as_micros(), &*at.key));
        let (until, rest) = (read.until.as_micros(), limit(read.limit - found.len()));
        let row: [Parameter<'_>; 5] = [&level, &due, &Text(key), &until, &rest];
        let page = session.query(include_str!("sql/read_scheduled.sql"), &row).await?;
        for row in &page {
            found.push(of_row(row)?);
        }
        if found.len() >= read.limit {
            break;
        }
    }
    Ok(found)
}

fn of_row(row: &Row) -> Result<Scheduled, Fault> {
    let due = Timestamp::from_micros(row.try_get(1)?);
    Scheduled::read(&*text(row, 0)?, due, &text(row, 2)?)
        .map_err(|error| Fault::Unreadable(format!("{error:#}")))
}
