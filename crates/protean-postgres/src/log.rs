//! Reads the log.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{Category, Priority, Recorded, Stream};
use protean_port::port::{
    BoxFuture, Delivery, Find, Forwarded, LaneRead, Log, LogPlace, TypeStats,
};
use protean_sql::{limit, signed, unsigned};
use tokio_postgres::Row;

use crate::connection::Parameter;
use crate::error::Fault;
use crate::find;
use crate::recorded::{deliveries, recorded};
use crate::store::PostgresStore;
use crate::turnstile;
use crate::value::{Text, number, shared, text};

/// The columns of messages.
const MESSAGES: &str = include_str!("sql/lane_columns.sql");
/// The number of the column with what each message is to other groups.
const OPEN: usize = 16;
/// The columns that say where messages are.
const PLACES: &str = "m.position, m.priority, m.id";

impl Log for PostgresStore {
    fn stream<'a>(
        &'a self,
        stream: &'a Stream,
        from: u64,
        count: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>>> {
        Box::pin(async move {
            let page: [Parameter<'_>; 3] = [&Text(stream.as_str()), &signed(from), &limit(count)];
            let rows = self.read(include_str!("sql/read_stream.sql"), &page).await?;
            self.explained(recorded(&rows))
        })
    }

    fn lane(&self, read: LaneRead) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        Box::pin(async move {
            let rows = self.read_lane(&read, MESSAGES, None).await?;
            self.explained(deliveries(&rows, |_| Ok((0, false))))
        })
    }

    fn lane_for<'a>(
        &'a self,
        read: LaneRead,
        groups: &'a [Arc<str>],
    ) -> BoxFuture<'a, Result<Vec<Forwarded>>> {
        Box::pin(async move {
            let rows = self.read_lane(&read, MESSAGES, Some(groups)).await?;
            let messages = self.explained(deliveries(&rows, |_| Ok((0, false))))?;
            let forwarded = rows.iter().zip(messages).map(|(row, delivery)| {
                let open = row.try_get::<_, Option<Vec<Option<i64>>>>(OPEN)?.unwrap_or_default();
                let mut open = Vec::from_iter(open.into_iter().map(|next| next.map(unsigned)));
                open.resize(groups.len(), None);
                Ok(Forwarded { delivery, open })
            });
            self.explained(forwarded.collect())
        })
    }

    fn lane_places(&self, read: LaneRead) -> BoxFuture<'_, Result<Vec<LogPlace>>> {
        Box::pin(async move {
            let rows = self.read_lane(&read, PLACES, None).await?;
            self.explained(rows.iter().map(place).collect())
        })
    }

    fn streams<'a>(
        &'a self,
        category: &'a Category,
        after: Option<&'a Stream>,
        count: usize,
    ) -> BoxFuture<'a, Result<Vec<Stream>>> {
        Box::pin(async move {
            let after = after.map_or(category.as_str(), Stream::as_str);
            let range: [Parameter<'_>; 3] = [&Text(category.as_str()), &Text(after), &limit(count)];
            let rows = self.read(include_str!("sql/read_streams.sql"), &range).await?;
            let named = |row| Ok(Stream::restored(shared(row, 0)?, category.clone()));
            self.explained(rows.iter().map(named).collect())
        })
    }

    fn broken_streams(&self, count: usize) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(async move {
            let rows = self.read(include_str!("sql/broken_streams.sql"), &[&limit(count)]).await?;
            self.explained(rows.iter().map(|row| text(row, 0).map(String::from)).collect())
        })
    }

    fn find(&self, find: Find) -> BoxFuture<'_, Result<Vec<Recorded>>> {
        Box::pin(async move {
            let view = self.readers.view().await?;
            let found = find::find(&view, &find).await;
            view.end().await;
            self.explained(found)
        })
    }

    fn stats(&self) -> BoxFuture<'_, Result<Vec<TypeStats>>> {
        Box::pin(async move {
            let rows = self.read(include_str!("sql/types.sql"), &[]).await?;
            self.explained(find::stats(&rows))
        })
    }
}

impl PostgresStore {
    /// These columns of the messages in a lane, which are on disk; the first is the position. With
    /// `groups`, what each message is to those as well.
    async fn read_lane(
        &self,
        read: &LaneRead,
        columns: &str,
        groups: Option<&[Arc<str>]>,
    ) -> Result<Vec<Row>> {
        let also = if groups.is_some() { include_str!("sql/open_to.sql") } else { "NULL" };
        let sql = format!(include_str!("sql/read_lane.sql"), columns = columns, also = also);
        let (lowest, highest) = (i64::from(read.range.0.value()), i64::from(read.range.1.value()));
        let of: Vec<_> = read.after.iter().map(|(of, _)| i64::from(of.value())).collect();
        let at: Vec<_> = read.after.iter().map(|(_, at)| signed(*at)).collect();
        let (group, category) = (Text(&read.group), Text(read.category.as_str()));
        let session = self.readers.one().await?;
        // Not earlier: a connection that is new may lead to another server.
        let known = signed(self.durable.known());
        let limit = limit(read.limit);
        let mut page: Vec<Parameter<'_>> =
            vec![&group, &category, &lowest, &highest, &of, &at, &limit, &known];
        let groups = groups.map(|groups| Vec::from_iter(groups.iter().map(|group| Text(group))));
        page.extend(groups.as_ref().map(|groups| groups as Parameter<'_>));
        let rows = self.explained(session.query(&sql, &page).await)?;
        let last = rows.iter().filter_map(|row| number(row, 0).ok()).max();
        self.durable.reached(last.unwrap_or(0));
        Ok(rows)
    }

    /// The rows of one statement.
    pub(crate) async fn read(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
        let session = self.readers.one().await?;
        session.query(sql, parameters).await.map_err(|fault| self.settings.explain(fault))
    }

    /// The rows of one statement; those of which `must_wait` is true once the commits behind
    /// them are on disk: for everything that leaves the database, as a message or as an answer.
    pub(crate) async fn read_durable(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
        must_wait: impl FnOnce(&[Row]) -> bool,
    ) -> Result<Vec<Row>> {
        let session = self.readers.one().await?;
        let read = async {
            let rows = session.query(sql, parameters).await?;
            if must_wait(&rows) {
                turnstile::flush(&session).await?;
            }
            Ok(rows)
        };
        self.explained(read.await)
    }

    /// The result of a read, its fault as an error that names the database.
    pub(crate) fn explained<T>(&self, read: Result<T, Fault>) -> Result<T> {
        read.map_err(|fault| self.settings.explain(fault))
    }
}

fn place(row: &Row) -> Result<LogPlace, Fault> {
    let priority = i32::try_from(row.try_get::<_, i64>(1)?);
    let priority = priority.map_err(|error| Fault::Unreadable(format!("priority: {error}")))?;
    let priority = Priority::new(priority);
    Ok(LogPlace { priority, position: number(row, 0)?, id: shared(row, 2)? })
}
