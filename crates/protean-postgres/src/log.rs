//! Reads the log.

use std::collections::HashMap;
use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{
    Category, Extensions, Kind, Message, Priority, Recorded, Stream, Timestamp,
};
use protean_port::port::{BoxFuture, Delivery, Find, LaneRead, Log, TypeStats};
use tokio_postgres::Row;

use crate::connection::Parameter;
use crate::error::Fault;
use crate::find;
use crate::store::PostgresStore;
use crate::turnstile;
use crate::value::{Text, limit, number, shared, signed, text, text_or_null};

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
            self.told(recorded(&rows))
        })
    }

    fn lane(&self, read: LaneRead) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        Box::pin(async move {
            let (lowest, highest) =
                (i64::from(read.range.0.value()), i64::from(read.range.1.value()));
            let of: Vec<_> = read.after.iter().map(|(of, _)| i64::from(of.value())).collect();
            let at: Vec<_> = read.after.iter().map(|(_, at)| signed(*at)).collect();
            let (group, category) = (Text(&read.group), Text(read.category.as_str()));
            let page: [Parameter<'_>; 7] =
                [&group, &category, &lowest, &highest, &of, &at, &limit(read.limit)];
            let rows = self.read_durable(include_str!("sql/read_lane.sql"), &page).await?;
            self.told(deliveries(&rows, |_| Ok((0, false))))
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
            self.told(rows.iter().map(named).collect())
        })
    }

    fn broken_streams(&self, count: usize) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(async move {
            let rows = self.read(include_str!("sql/broken_streams.sql"), &[&limit(count)]).await?;
            self.told(rows.iter().map(|row| text(row, 0).map(String::from)).collect())
        })
    }

    fn find(&self, find: Find) -> BoxFuture<'_, Result<Vec<Recorded>>> {
        Box::pin(async move {
            let view = self.readers.view().await?;
            let found = find::find(&view, &find).await;
            view.end().await;
            self.told(found)
        })
    }

    fn stats(&self) -> BoxFuture<'_, Result<Vec<TypeStats>>> {
        Box::pin(async move {
            let rows = self.read(include_str!("sql/types.sql"), &[]).await?;
            self.told(find::stats(&rows))
        })
    }
}

impl PostgresStore {
    /// The rows of one statement.
    pub(crate) async fn read(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
        let session = self.readers.one().await?;
        session.query(sql, parameters).await.map_err(|fault| self.settings.told(fault))
    }

    /// The rows of one statement, once the disk has what they rest on: for what leaves the
    /// database, as a message or as an answer.
    pub(crate) async fn read_durable(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>> {
        let session = self.readers.one().await?;
        // What is compiled on the way would be sent behind the other.
        let compiled = session.prepared(sql).await.map(drop);
        let read = session.query(sql, parameters);
        let (rows, durable) = tokio::join!(read, session.batch(turnstile::DURABLE));
        self.told(compiled.and(durable).and(rows))
    }

    /// What was read, or its fault with the name of the database.
    pub(crate) fn told<T>(&self, read: Result<T, Fault>) -> Result<T> {
        read.map_err(|fault| self.settings.told(fault))
    }
}

/// The messages in rows that begin with the columns of the log.
pub(crate) fn recorded(rows: &[Row]) -> Result<Vec<Recorded>, Fault> {
    let mut names = Names::default();
    rows.iter().map(|row| names.recorded(row)).collect()
}

/// The messages in rows that go on with the position the group expects next;
/// `rest` reads the attempts, and whether a message is parked.
pub(crate) fn deliveries(
    rows: &[Row],
    rest: impl Fn(&Row) -> Result<(u32, bool), Fault>,
) -> Result<Vec<Delivery>, Fault> {
    let mut names = Names::default();
    let delivery = |row: &Row| {
        let (attempts, parked) = rest(row)?;
        Ok(Delivery { recorded: names.recorded(row)?, next: number(row, 14)?, attempts, parked })
    };
    rows.iter().map(delivery).collect()
}

/// Names that many messages of one page share.
#[derive(Default)]
pub(crate) struct Names {
    categories: HashMap<String, Category>,
    types: HashMap<String, Arc<str>>,
}

impl Names {
    /// The message in a row that begins with the columns of the log.
    pub(crate) fn recorded(&mut self, row: &Row) -> Result<Recorded, Fault> {
        let category = self.category(&text(row, 3)?);
        let priority: i64 = row.try_get(4)?;
        let extensions = text_or_null(row, 13)?;
        let message = Message {
            id: shared(row, 8)?,
            stream: Stream::restored(shared(row, 1)?, category),
            kind: kind(row, 5)?,
            type_name: self.type_name(&text(row, 6)?),
            version: u32::try_from(row.try_get::<_, i64>(7)?).unwrap_or(0),
            priority: Priority::new(i32::try_from(priority).unwrap_or(0)),
            correlation_id: shared(row, 9)?,
            causation_id: text_or_null(row, 10)?.map(|id| Arc::from(&*id)),
            time: Timestamp::from_micros(row.try_get(11)?),
            data: shared(row, 12)?,
            extensions: Extensions::from_json(extensions.as_deref())
                .map_err(|e| Fault::Odd(e.to_string()))?,
        };
        Ok(Recorded { position: number(row, 0)?, stream_position: number(row, 2)?, message })
    }

    fn category(&mut self, name: &str) -> Category {
        if !self.categories.contains_key(name) {
            self.categories.insert(name.to_owned(), Category::named(name));
        }
        self.categories[name].clone()
    }

    fn type_name(&mut self, name: &str) -> Arc<str> {
        if !self.types.contains_key(name) {
            self.types.insert(name.to_owned(), Arc::from(name));
        }
        Arc::clone(&self.types[name])
    }
}

/// The kind of message that a column names.
pub(crate) fn kind(row: &Row, column: usize) -> Result<Kind, Fault> {
    let name = text(row, column)?;
    Kind::named(&name).ok_or_else(|| Fault::Odd(format!("'{name}' is no kind of message")))
}
