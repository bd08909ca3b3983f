//! Reads messages out of rows of the log.

use std::sync::Arc;

use protean_port::message::{Extensions, Kind, Message, Priority, Recorded, Stream, Timestamp};
use protean_port::port::{Delivery, KeyClaim};
use protean_sql::SharedNames;
use tokio_postgres::Row;

use crate::error::Fault;
use crate::value::{number, shared, text, text_or_null};

/// The messages in rows that begin with the columns of the log.
pub(crate) fn recorded(rows: &[Row]) -> Result<Vec<Recorded>, Fault> {
    let mut names = SharedNames::default();
    rows.iter().map(|row| message(&mut names, row)).collect()
}

/// The deliveries in rows that go on with the position that the group expects next; `rest`
/// reads the attempts and whether the message is parked.
pub(crate) fn deliveries(
    rows: &[Row],
    rest: impl Fn(&Row) -> Result<(u32, bool), Fault>,
) -> Result<Vec<Delivery>, Fault> {
    let mut names = SharedNames::default();
    let delivery = |row: &Row| {
        let (attempts, parked) = rest(row)?;
        Ok(Delivery {
            recorded: message(&mut names, row)?,
            next: number(row, 14)?,
            attempts,
            parked,
        })
    };
    rows.iter().map(delivery).collect()
}

/// The message in a row that begins with the columns of the log.
pub(crate) fn message(names: &mut SharedNames, row: &Row) -> Result<Recorded, Fault> {
    let category = names.category(&text(row, 3)?);
    let priority: i64 = row.try_get(4)?;
    let extensions = text_or_null(row, 13)?;
    let message = Message {
        id: shared(row, 8)?,
        stream: Stream::restored(shared(row, 1)?, category),
        kind: kind(row, 5)?,
        type_name: names.type_name(&text(row, 6)?),
        version: u32::try_from(row.try_get::<_, i64>(7)?).unwrap_or(0),
        priority: Priority::new(i32::try_from(priority).unwrap_or(0)),
        correlation_id: shared(row, 9)?,
        causation_id: text_or_null(row, 10)?.map(|id| Arc::from(&*id)),
        time: Timestamp::from_micros(row.try_get(11)?),
        data: shared(row, 12)?,
        extensions: Extensions::from_json(extensions.as_deref()),
    };
    Ok(Recorded { position: number(row, 0)?, stream_position: number(row, 2)?, message })
}

/// The kind of message that a column names.
pub(crate) fn kind(row: &Row, column: usize) -> Result<Kind, Fault> {
    let name = text(row, column)?;
    Kind::named(&name)
        .ok_or_else(|| Fault::Unreadable(format!("'{name}' is not a kind of message")))
}

/// What is kept of an idempotency key.
pub(crate) fn key_claim(row: &Row) -> Result<KeyClaim, Fault> {
    Ok(KeyClaim {
        command: shared(row, 0)?,
        key: shared(row, 1)?,
        message_id: shared(row, 2)?,
        output: text_or_null(row, 3)?.map(|output| Arc::from(&*output)),
        time: Timestamp::from_micros(row.try_get(4)?),
        expires: Timestamp::from_micros(row.try_get(5)?),
    })
}
