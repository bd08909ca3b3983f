//! Applies one unit of work inside a transaction, in a fixed order.

use std::sync::Arc;

use protean_port::message::{Stream, Timestamp};
use protean_port::port::{
    Append, Changes, Count, Dead, Expect, KeyClaim, KeyWrite, MessageRef, Outcome, Park, Place,
    ProgressMove, Schedule, left_out,
};
use protean_sql::{signed, unsigned};
use rusqlite::{Connection, ErrorCode, params};

use crate::coalesced::Coalesced;
use crate::intake_changes;
use crate::refusal::Refusal;
use crate::row::Statements;
use crate::statement;
use crate::step::reached;

/// Applies units to the connection that writes.
pub(crate) struct UnitWriter<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) statements: &'a mut Statements,
    pub(crate) coalesced: &'a mut Coalesced,
}

impl UnitWriter<'_> {
    /// Applies a unit and returns the places of its messages. The caller must roll back
    /// what a refused unit has written.
    pub(crate) fn apply(&mut self, unit: &Changes) -> Result<Vec<Place>, Refusal> {
        let connection = self.connection;
        for read in &unit.reads {
            statement::check(connection, read)?;
        }
        for write in &unit.keys {
            write_key(connection, write)?;
        }
        let places = append_all(connection, &unit.appends)?;
        self.coalesced.appended(&places);
        reached("after the appends");
        for write in &unit.rows {
            self.statements.write(connection, write)?;
        }
        reached("after the rows");
        for statement in &unit.statements {
            statement::run(connection, statement)?;
        }
        for schedule in &unit.schedules {
            self.write_schedule(schedule)?;
        }
        for change in &unit.intake {
            intake_changes::write(connection, change)?;
        }
        for step in &unit.progress {
            self.advance(step)?;
        }
        for mark in &unit.marks {
            self.coalesced.mark(connection, mark, &places)?;
        }
        for park in &unit.parks {
            self.move_parked(park)?;
        }
        for dead in &unit.dead {
            self.write_dead(dead)?;
        }
        for count in &unit.counts {
            self.coalesced.count(count);
        }
        Ok(places)
    }

    /// Changes what is scheduled, and counts it.
    fn write_schedule(&mut self, schedule: &Schedule) -> Result<(), Refusal> {
        let connection = self.connection;
        let key = schedule.key();
        let is_known = match schedule {
            Schedule::Keep(scheduled) => {
                let (due, message) = (scheduled.due.as_micros(), &scheduled.message);
                let row =
                    (&**key, &*message.id, message.priority.value(), due, scheduled.message_json());
                let is_known = include_str!("sql/is_scheduled.sql");
                let is_known = connection.prepare_cached(is_known)?.exists([&**key])?;
                connection.prepare_cached(include_str!("sql/keep_scheduled.sql"))?.execute(row)?;
                is_known
            }
            Schedule::Take { id, .. } => {
                let take = include_str!("sql/take_scheduled.sql");
                if connection.prepare_cached(take)?.execute([&**key, &**id])? == 0 {
                    return Err(Refusal::LeftOut(left_out::not_scheduled(key)));
                }
                true
            }
            Schedule::Drop(_) => {
                let drop = include_str!("sql/drop_scheduled.sql");
                connection.prepare_cached(drop)?.execute([&**key])? > 0
            }
        };
        for counter in schedule.counters(is_known) {
            self.coalesced.count(&Count::of_schedule(counter));
        }
        Ok(())
    }

    fn advance(&mut self, step: &ProgressMove) -> Result<(), Refusal> {
        let row = (&*step.group, step.stream.as_str(), signed(step.position));
        let advance = include_str!("sql/advance_progress.sql");
        // The first move of a group in a stream has no row to update.
        if step.position > 0 && self.connection.prepare_cached(advance)?.execute(row)? == 1 {
            return Ok(());
        }
        let group = self.coalesced.group(self.connection, &step.group, step.stream.category())?;
        let known = group.progress(&step.stream)?;
        let next = match known {
            Some(next) => next,
            None => group.first_expected(&step.stream)?,
        };
        if next != step.position {
            let outcome = left_out::out_of_turn(&step.group, &step.stream, next, step.position);
            return Err(Refusal::LeftOut(outcome));
        }
        let sql = if known.is_some() { advance } else { include_str!("sql/begin_progress.sql") };
        self.connection.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    fn move_parked(&mut self, park: &Park) -> Result<(), Refusal> {
        let connection = self.connection;
        match park {
            Park::Keep { group, message, attempts, due, reason } => {
                keep(connection, group, message, *attempts, *due, reason)?;
            }
            Park::Hold { group, message, attempts, reason } => {
                let MessageRef { stream, stream_position, .. } = message;
                let view = self.coalesced.group(connection, group, stream.category())?;
                if !view.is_blocked(stream, *stream_position)? {
                    return Err(Refusal::LeftOut(left_out::nothing_to_wait_for(group, message)));
                }
                keep(connection, group, message, *attempts, None, reason)?;
            }
            Park::Take { group, message } => {
                if unpark(connection, group, message)? == 0 {
                    return Err(Refusal::LeftOut(left_out::not_parked(group, message.position)));
                }
            }
            Park::Release { group, stream, due } => {
                let row = (&**group, stream.as_str(), due.as_micros());
                connection.prepare_cached(include_str!("sql/release_parked.sql"))?.execute(row)?;
            }
        }
        Ok(())
    }

    fn write_dead(&mut self, dead: &Dead) -> Result<(), Refusal> {
        let connection = self.connection;
        match dead {
            Dead::Add { group, message, attempts, reason, time, in_turn } => {
                let MessageRef { position, stream, stream_position, priority } = message;
                if *in_turn {
                    self.check_turn(group, stream, *stream_position)?;
                }
                let row = params![
                    &**group,
                    signed(*position),
                    stream.as_str(),
                    signed(*stream_position),
                    stream.category().as_str(),
                    priority.value(),
                    attempts,
                    reason,
                    time.as_micros()
                ];
                connection.prepare_cached(include_str!("sql/add_dead_letter.sql"))?.execute(row)?;
                unpark(connection, group, message)?;
            }
            Dead::Take { group, message } => {
                let position = message.position;
                let sql = include_str!("sql/take_dead_letter.sql");
                let row = (&**group, signed(position));
                if connection.prepare_cached(sql)?.execute(row)? == 0 {
                    return Err(Refusal::LeftOut(left_out::not_dead(group, position)));
                }
            }
        }
        Ok(())
    }

    fn check_turn(
        &mut self,
        group: &Arc<str>,
        stream: &Stream,
        position: u64,
    ) -> Result<(), Refusal> {
        let view = self.coalesced.group(self.connection, group, stream.category())?;
        let next = view.expected(stream)?;
        if next == position {
            return Ok(());
        }
        Err(Refusal::LeftOut(left_out::out_of_turn(group, stream, next, position)))
    }
}

fn write_key(connection: &Connection, write: &KeyWrite) -> Result<(), Refusal> {
    match write {
        KeyWrite::Claim(claim) => claim_key(connection, claim),
        KeyWrite::Settle(claim) => {
            let row = params![
                &*claim.command,
                &*claim.key,
                &*claim.message_id,
                claim.output.as_deref(),
                claim.expires.as_micros()
            ];
            connection.prepare_cached(include_str!("sql/settle_key.sql"))?.execute(row)?;
            Ok(())
        }
    }
}

fn claim_key(connection: &Connection, claim: &KeyClaim) -> Result<(), Refusal> {
    let row = params![
        &*claim.command,
        &*claim.key,
        &*claim.message_id,
        claim.output.as_deref(),
        claim.time.as_micros(),
        claim.expires.as_micros()
    ];
    if connection.prepare_cached(include_str!("sql/claim_key.sql"))?.execute(row)? == 1 {
        return Ok(());
    }
    let mut taken = connection.prepare_cached(include_str!("sql/read_key.sql"))?;
    let outcome = taken.query_row((&*claim.command, &*claim.key), |row| {
        let message_id = Arc::from(row.get_ref(0)?.as_str()?);
        let output = row.get_ref(1)?.as_str_or_null()?.map(Arc::from);
        Ok(Outcome::Duplicate { message_id, output })
    })?;
    Err(Refusal::LeftOut(outcome))
}

fn append_all(connection: &Connection, appends: &[Append]) -> Result<Vec<Place>, Refusal> {
    let mut places: Vec<Place> = Vec::with_capacity(appends.len());
    for (index, append) in appends.iter().enumerate() {
        let stream = &append.message.stream;
        let before =
            index.checked_sub(1).filter(|before| appends[*before].message.stream == *stream);
        let known = before.map(|before| places[before].stream_position + 1);
        let stream_position = stream_position(connection, append, known)?;
        places.push(append_one(connection, append, stream_position)?);
    }
    Ok(places)
}

/// The position of a message in its stream; `known` follows from the message before it
/// in the same unit.
fn stream_position(
    connection: &Connection,
    append: &Append,
    known: Option<u64>,
) -> Result<u64, Refusal> {
    let stream = append.message.stream.as_str();
    match (append.expect, known) {
        (Expect::End, Some(next)) => Ok(next),
        (Expect::End, None) => {
            let mut last =
                connection.prepare_cached(include_str!("sql/last_stream_position.sql"))?;
            let last = last.query_row([stream], |row| row.get::<_, Option<i64>>(0))?;
            Ok(last.map_or(0, |last| unsigned(last) + 1))
        }
        (Expect::At(position), Some(next)) if position == next => Ok(position),
        (Expect::At(0), None) => Ok(0),
        (Expect::At(position), _) => {
            let sql = include_str!("sql/has_stream_position.sql");
            let before = (stream, signed(position.saturating_sub(1)));
            if connection.prepare_cached(sql)?.exists(before)? {
                Ok(position)
            } else {
                let outcome = left_out::position_ahead(&append.message.stream, position);
                Err(Refusal::LeftOut(outcome))
            }
        }
    }
}

fn append_one(
    connection: &Connection,
    append: &Append,
    stream_position: u64,
) -> Result<Place, Refusal> {
    let message = &append.message;
    let row = params![
        message.stream.as_str(),
        signed(stream_position),
        message.stream.category().as_str(),
        message.priority.value(),
        message.kind.as_str(),
        &*message.type_name,
        message.version,
        &*message.id,
        &*message.correlation_id,
        message.causation_id.as_deref(),
        message.time.as_micros(),
        &*message.data,
        message.extensions.to_json()
    ];
    match connection.prepare_cached(include_str!("sql/append_message.sql"))?.insert(row) {
        Ok(position) => Ok(Place { position: unsigned(position), stream_position }),
        Err(e) if e.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            let outcome = left_out::position_taken(&message.stream, stream_position);
            Err(Refusal::LeftOut(outcome))
        }
        Err(e) => Err(e.into()),
    }
}

fn unpark(connection: &Connection, group: &str, message: &MessageRef) -> rusqlite::Result<usize> {
    let row = (group, signed(message.position));
    connection.prepare_cached(include_str!("sql/unpark.sql"))?.execute(row)
}

fn keep(
    connection: &Connection,
    group: &str,
    message: &MessageRef,
    attempts: u32,
    due: Option<Timestamp>,
    reason: &str,
) -> rusqlite::Result<()> {
    let due = due.map(Timestamp::as_micros);
    let MessageRef { position, stream, stream_position, priority } = message;
    let category = stream.category().as_str();
    let (position, place) = (signed(*position), signed(*stream_position));
    let (stream, priority) = (stream.as_str(), priority.value());
    let row = params![group, position, stream, place, category, priority, attempts, due, reason];
    connection.prepare_cached(include_str!("sql/park.sql"))?.execute(row).map(drop)
}
