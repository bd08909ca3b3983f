//! Messages that wait for their time.

use protean_port::Result;
use protean_port::message::Timestamp;
use protean_port::port::{
    BoxFuture, PendingWork, SCHEDULE, ScheduleAccount, Scheduled, ScheduledRead, Schedules,
};
use protean_sql::{limit, unsigned};
use tokio_postgres::Row;

use crate::connection::Parameter;
use crate::error::Fault;
use crate::store::PostgresStore;
use crate::value::{Text, text};

/// Both begin with the priorities that there are, in a range.
const READ_SCHEDULED: &str =
    concat!(include_str!("sql/scheduled_levels.sql"), include_str!("sql/read_scheduled.sql"));
const IS_PENDING: &str =
    concat!(include_str!("sql/scheduled_levels.sql"), include_str!("sql/is_pending.sql"));

impl Schedules for PostgresStore {
    fn scheduled(&self, read: ScheduledRead) -> BoxFuture<'_, Result<Vec<Scheduled>>> {
        Box::pin(async move {
            let (lowest, highest) = read.priorities;
            let after = read.after.as_ref().filter(|after| after.priority <= highest);
            let highest = after.map_or(highest, |after| after.priority);
            let (due, key) = after.map_or((i64::MIN, ""), |at| (at.due.as_micros(), &*at.key));
            let row: [Parameter<'_>; 6] = [
                &i64::from(lowest.value()),
                &i64::from(highest.value()),
                &due,
                &Text(key),
                &read.until.as_micros(),
                &limit(read.limit),
            ];
            let rows = self.read(READ_SCHEDULED, &row).await?;
            self.explained(rows.iter().map(of_row).collect())
        })
    }

    fn is_pending(&self, work: PendingWork) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move {
            let (lowest, highest) = work.range();
            let row: [Parameter<'_>; 4] =
                [&lowest, &highest, &work.until.as_micros(), &work.domains];
            let rows = self.read(IS_PENDING, &row).await?;
            let found = rows.first().map_or(Ok(false), |row| row.try_get(0));
            self.explained(found.map_err(Into::into))
        })
    }

    fn scheduled_under<'a>(&'a self, keys: &'a [&'a str]) -> BoxFuture<'a, Result<Vec<Scheduled>>> {
        Box::pin(async move {
            let sql = include_str!("sql/read_scheduled_under.sql");
            let keys: Vec<_> = keys.iter().map(|key| Text(key)).collect();
            let rows = self.read(sql, &[&keys]).await?;
            self.explained(rows.iter().map(of_row).collect())
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

fn of_row(row: &Row) -> Result<Scheduled, Fault> {
    let due = Timestamp::from_micros(row.try_get(1)?);
    Scheduled::read(&*text(row, 0)?, due, &text(row, 2)?)
        .map_err(|error| Fault::Unreadable(format!("{error:#}")))
}
