//! Reads the state of groups: progress, parked messages, dead letters, counts.

use std::collections::BTreeMap;

use protean_port::Result;
use protean_port::message::{Category, Priority, Stream, Timestamp};
use protean_port::port::{
    BoxFuture, Claim, Counter, DeadLetter, DeadLetterRead, Delivery, GroupStatus, Ledger,
    ParkedNote, ParkedPage, ParkedRead, Parking, PriorityStatus,
};
use protean_sql::{SharedNames, limit, signed};
use tokio_postgres::Row;

use crate::connection::{Parameter, Session};
use crate::error::Fault;
use crate::recorded::{deliveries, message};
use crate::store::PostgresStore;
use crate::value::{Text, number, text};

impl Ledger for PostgresStore {
    fn next<'a>(&'a self, group: &'a str, stream: &'a Stream) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let session = self.readers.one().await?;
            self.explained(expected(&session, group, stream).await)
        })
    }

    fn blocked<'a>(
        &'a self,
        group: &'a str,
        stream: &'a Stream,
        position: u64,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let view = self.readers.view().await?;
            let blocked = is_blocked(&view, group, stream, position).await;
            view.end().await;
            self.explained(blocked)
        })
    }

    fn parked(&self, read: ParkedRead) -> BoxFuture<'_, Result<ParkedPage>> {
        Box::pin(async move {
            let (lowest, highest) =
                (i64::from(read.range.0.value()), i64::from(read.range.1.value()));
            let (group, category) = (Text(&read.group), Text(read.category.as_str()));
            // One more than the limit: the first message beyond the page says when to read again.
            let rows = limit(read.limit.saturating_add(1));
            let page: [Parameter<'_>; 5] = [&group, &category, &lowest, &highest, &rows];
            let rows = self.read(include_str!("sql/read_parked.sql"), &page).await?;
            self.explained(parked_page(&rows, &read))
        })
    }

    fn group_status<'a>(
        &'a self,
        group: &'a str,
        category: &'a Category,
    ) -> BoxFuture<'a, Result<GroupStatus>> {
        Box::pin(async move {
            let view = self.readers.view().await?;
            let status = read_status(&view, group, category).await;
            view.end().await;
            self.explained(status)
        })
    }

    fn claim<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Option<Box<dyn Claim>>>> {
        Box::pin(self.claims.take(group))
    }

    fn recall<'a>(
        &'a self,
        group: &'a str,
        category: &'a Category,
        positions: &'a [u64],
    ) -> BoxFuture<'a, Result<Vec<Delivery>>> {
        Box::pin(async move {
            let positions: Vec<_> = positions.iter().map(|position| signed(*position)).collect();
            let of: [Parameter<'_>; 3] = [&Text(group), &Text(category.as_str()), &positions];
            // What a broker handed out was on disk before; that it is settled or parked, so
            // that its entry can go, may not be.
            let is_parked = |row: &Row| row.try_get(16).unwrap_or(true);
            let has_settled =
                |rows: &[Row]| rows.len() < positions.len() || rows.iter().any(is_parked);
            let rows = self.read_durable(include_str!("sql/recall.sql"), &of, has_settled).await?;
            self.explained(deliveries(&rows, |row| Ok((attempts(row, 15)?, row.try_get(16)?))))
        })
    }

    fn dead_letters(&self, read: DeadLetterRead) -> BoxFuture<'_, Result<Vec<DeadLetter>>> {
        Box::pin(async move {
            let (group, category) = (Text(&read.group), Text(read.category.as_str()));
            let (after, before) = (signed(read.after), read.before.as_micros());
            let page: [Parameter<'_>; 5] = [&group, &category, &after, &before, &limit(read.limit)];
            let rows = self.read(include_str!("sql/read_dead_letters.sql"), &page).await?;
            self.explained(dead_letters(&rows))
        })
    }
}

impl Parking for PostgresStore {
    fn parked_note<'a>(
        &'a self,
        group: &'a str,
        position: u64,
    ) -> BoxFuture<'a, Result<Option<ParkedNote>>> {
        Box::pin(async move {
            let of: [Parameter<'_>; 2] = [&Text(group), &signed(position)];
            let rows = self.read(include_str!("sql/read_parked_note.sql"), &of).await?;
            self.explained(rows.first().map(parked_note).transpose())
        })
    }
}

fn parked_note(row: &Row) -> Result<ParkedNote, Fault> {
    let due = row.try_get::<_, Option<i64>>(1)?.map(Timestamp::from_micros);
    Ok(ParkedNote { attempts: attempts(row, 0)?, due, reason: text(row, 2)?.into() })
}

/// The stream position that a group expects next.
async fn expected(session: &Session, group: &str, stream: &Stream) -> Result<u64, Fault> {
    let (groups, streams) = (vec![Text(group)], vec![Text(stream.as_str())]);
    let categories = vec![Text(stream.category().as_str())];
    let place: [Parameter<'_>; 3] = [&groups, &streams, &categories];
    let row = session.first(include_str!("sql/load_progress.sql"), &place).await?;
    row.map_or(Ok(0), |row| number(&row, 5))
}

async fn is_blocked(
    view: &Session,
    group: &str,
    stream: &Stream,
    position: u64,
) -> Result<bool, Fault> {
    let next = signed(expected(view, group, stream).await?);
    let between: [Parameter<'_>; 4] =
        [&Text(group), &Text(stream.as_str()), &next, &signed(position)];
    let row = view.first(include_str!("sql/is_blocked.sql"), &between).await?;
    row.map_or(Ok(false), |row| Ok(row.try_get(0)?))
}

fn parked_page(rows: &[Row], read: &ParkedRead) -> Result<ParkedPage, Fault> {
    let due = |row: &Row| Ok::<_, Fault>(Timestamp::from_micros(row.try_get(16)?));
    let times = rows.iter().map(due).collect::<Result<Vec<_>, _>>()?;
    let count = times.iter().take_while(|due| **due <= read.now).count().min(read.limit);
    let due = deliveries(&rows[..count], |row| Ok((attempts(row, 15)?, true)))?;
    Ok(ParkedPage { due, next_due: times.get(count).copied() })
}

fn priority(row: &Row, column: usize) -> Result<Priority, Fault> {
    Ok(Priority::new(i32::try_from(row.try_get::<_, i64>(column)?).unwrap_or(0)))
}

fn attempts(row: &Row, column: usize) -> Result<u32, Fault> {
    Ok(u32::try_from(row.try_get::<_, i64>(column)?).unwrap_or(u32::MAX))
}

fn dead_letters(rows: &[Row]) -> Result<Vec<DeadLetter>, Fault> {
    let mut names = SharedNames::default();
    let dead_letter = |row: &Row| {
        let (attempts, reason) = (attempts(row, 14)?, text(row, 15)?.into());
        let time = Timestamp::from_micros(row.try_get(16)?);
        Ok(DeadLetter { recorded: message(&mut names, row)?, attempts, reason, time })
    };
    rows.iter().map(dead_letter).collect()
}

async fn read_status(
    view: &Session,
    group: &str,
    category: &Category,
) -> Result<GroupStatus, Fault> {
    let of: [Parameter<'_>; 2] = [&Text(group), &Text(category.as_str())];
    let lanes = view.query(include_str!("sql/group_status.sql"), &of).await?;
    let counts = view.query(include_str!("sql/read_counters.sql"), &of).await?;
    let mut status = GroupStatus { counts: counted(&counts)?, ..GroupStatus::default() };
    for row in &lanes {
        status.committed += number(row, 2)?;
        status.lanes.push(PriorityStatus {
            priority: priority(row, 0)?,
            cursor: number(row, 1)?,
            lag: number(row, 3)?,
            oldest: row.try_get::<_, Option<i64>>(4)?.map(Timestamp::from_micros),
            parked: number(row, 5)?,
            dead: number(row, 6)?,
            head: number(row, 7)?,
        });
    }
    Ok(status)
}

fn counted(rows: &[Row]) -> Result<BTreeMap<Counter, u64>, Fault> {
    let mut counts = BTreeMap::new();
    for row in rows {
        let name = text(row, 0)?;
        // A counter of a later release is unknown here.
        if let Some(counter) = Counter::ALL.into_iter().find(|counter| counter.as_str() == name) {
            counts.insert(counter, number(row, 1)?);
        }
    }
    Ok(counts)
}
