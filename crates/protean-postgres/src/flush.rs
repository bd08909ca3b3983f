//! Writes the result of a transaction: one array for each column, most tables in one statement.

use protean_port::message::{Message, Priority, Timestamp};
use protean_port::port::{Dead, MessageRef, Park, Place};
use protean_sql::{adds_counts, count_messages, signed};

use crate::compound::{Column, Compound};
use crate::connection::{Parameter, Session};
use crate::error::{Fault, all};
use crate::intake_changes;
use crate::refusal::Refusal;
use crate::row;
use crate::value::{OwnedText, Text};
use crate::working_set::{IntakeState, Move, Slot, WorkingSet};

const UNPARK: &str = include_str!("sql/unpark.sql");
const MARK: &str = include_str!("sql/mark_done.sql");
const MOVE: &str = include_str!("sql/move_cursors.sql");
/// Cursors go past marks next to them.
const PASS: &str = include_str!("sql/pass_done.sql");
/// Marks that a cursor has passed are deleted.
const FOLD: &str = include_str!("sql/fold_done.sql");
const TAKE_DEAD_LETTER: &str = include_str!("sql/take_dead_letter.sql");

/// Writes the changes that are kept and not written yet.
pub(crate) async fn flush(session: &Session, working_set: &WorkingSet<'_>) -> Result<(), Refusal> {
    let mut writes = Compound::default();
    add_writes(&mut writes, working_set);
    let written = async {
        if !writes.is_empty() {
            writes.add("SELECT", []);
            writes.write(session).await?;
        }
        pass_marks(session, working_set).await?;
        moves(session, working_set.moves.changes()).await
    };
    let (rows, written) = tokio::join!(row::flush(session, &working_set.rows), written);
    Refusal::first(vec![rows, written.map_err(Refusal::from)])
}

/// True when something is written whose answer has to be seen before the COMMIT, or after
/// something else.
pub(crate) fn awaits_answers(working_set: &WorkingSet<'_>) -> bool {
    working_set.rows.changes().next().is_some()
        || !working_set.moves.changes().is_empty()
        || passed(working_set).next().is_some()
}

/// Adds what does not depend on other writes.
pub(crate) fn add_writes<'a>(writes: &mut Compound<'a>, working_set: &'a WorkingSet<'_>) {
    let messages = working_set.messages.changes();
    add_messages(writes, messages);
    if let (Some((first, _)), Some((last, _))) = (messages.first(), messages.last())
        && adds_counts(first.position..=last.position)
    {
        // Of those of earlier transactions: parts of one statement do not see each other.
        writes.add(&count_messages("place"), []);
    }
    add_keys(writes, working_set);
    add_schedules(writes, working_set);
    add_intake(writes, working_set);
    add_progress(writes, working_set);
    add_marks(writes, working_set);
    add_counts(writes, working_set);
}

fn add_messages<'a>(writes: &mut Compound<'a>, new: &'a [(Place, &Message)]) {
    if new.is_empty() {
        return;
    }
    let number = |of: fn(&Place, &Message) -> i64| -> Column<'a> {
        Box::new(new.iter().map(|(place, message)| of(place, message)).collect::<Vec<_>>())
    };
    let text = |of: fn(&Message) -> &str| -> Column<'a> {
        Box::new(new.iter().map(|(_, message)| Text(of(message))).collect::<Vec<_>>())
    };
    let causes = new.iter().map(|(_, message)| message.causation_id.as_deref().map(Text));
    let extensions = new.iter().map(|(_, message)| message.extensions.to_json().map(OwnedText));
    let columns = [
        number(|at, _| signed(at.position)),
        text(|message| message.stream.as_str()),
        number(|at, _| signed(at.stream_position)),
        text(|message| message.stream.category().as_str()),
        number(|_, message| message.priority.value().into()),
        text(|message| message.kind.as_str()),
        text(|message| &message.type_name),
        number(|_, message| message.version.into()),
        text(|message| &message.id),
        text(|message| &message.correlation_id),
        Box::new(causes.collect::<Vec<_>>()),
        number(|_, message| message.time.as_micros()),
        text(|message| &message.data),
        Box::new(extensions.collect::<Vec<_>>()),
    ];
    writes.add(include_str!("sql/append_messages.sql"), columns);
}

fn add_keys<'a>(writes: &mut Compound<'a>, working_set: &'a WorkingSet<'_>) {
    let claims: Vec<_> = working_set.keys.changes().map(|(_, _, claim)| claim).collect();
    if claims.is_empty() {
        return;
    }
    let commands: Vec<_> = claims.iter().map(|claim| Text(&claim.command)).collect();
    let keys: Vec<_> = claims.iter().map(|claim| Text(&claim.key)).collect();
    let messages: Vec<_> = claims.iter().map(|claim| Text(&claim.message_id)).collect();
    let outputs: Vec<_> = claims.iter().map(|claim| claim.output.as_deref().map(Text)).collect();
    let times: Vec<_> = claims.iter().map(|claim| claim.time.as_micros()).collect();
    let expires: Vec<_> = claims.iter().map(|claim| claim.expires.as_micros()).collect();
    let columns: [Column<'a>; 6] = [
        Box::new(commands),
        Box::new(keys),
        Box::new(messages),
        Box::new(outputs),
        Box::new(times),
        Box::new(expires),
    ];
    writes.add(include_str!("sql/write_keys.sql"), columns);
}

fn add_schedules<'a>(writes: &mut Compound<'a>, working_set: &'a WorkingSet<'_>) {
    let (mut kept, mut taken) = (Vec::new(), Vec::new());
    for (key, before, slot) in working_set.scheduled.changes() {
        match slot {
            Slot::New(scheduled) => kept.push(*scheduled),
            Slot::Kept(_) => {}
            Slot::Free if before.is_some() => taken.push(Text(key)),
            Slot::Free => {}
        }
    }
    if !kept.is_empty() {
        let keys: Vec<_> = kept.iter().map(|of| Text(&of.key)).collect();
        let priorities: Vec<_> =
            kept.iter().map(|of| i64::from(of.message.priority.value())).collect();
        let due: Vec<_> = kept.iter().map(|of| of.due.as_micros()).collect();
        let messages: Vec<_> = kept.iter().map(|of| OwnedText(of.message_json())).collect();
        let ids: Vec<_> = kept.iter().map(|of| Text(&of.message.id)).collect();
        let columns: [Column<'a>; 5] = [
            Box::new(keys),
            Box::new(ids),
            Box::new(priorities),
            Box::new(due),
            Box::new(messages),
        ];
        writes.add(include_str!("sql/keep_scheduled.sql"), columns);
    }
    if !taken.is_empty() {
        writes.add(include_str!("sql/take_scheduled.sql"), [Box::new(taken) as Column<'a>]);
    }
}

fn add_intake<'a>(writes: &mut Compound<'a>, working_set: &'a WorkingSet<'_>) {
    let changes = working_set.intake.changes();
    let taken = changes.filter(|(.., state)| **state == IntakeState::Taken);
    let taken: Vec<_> = taken.map(|(place, ..)| signed(*place)).collect();
    if !taken.is_empty() {
        writes.add(include_str!("sql/take_from_intake.sql"), [Box::new(taken) as Column<'a>]);
    }
}

fn add_progress<'a>(writes: &mut Compound<'a>, working_set: &'a WorkingSet<'_>) {
    let moved: Vec<_> = working_set.progress.changes().collect();
    if moved.is_empty() {
        return;
    }
    let groups: Vec<_> = moved.iter().map(|((group, _), ..)| Text(group)).collect();
    let streams: Vec<_> = moved.iter().map(|((_, stream), ..)| Text(stream)).collect();
    let next: Vec<_> = moved.iter().map(|(.., next)| signed(**next)).collect();
    let columns: [Column<'a>; 3] = [Box::new(groups), Box::new(streams), Box::new(next)];
    writes.add(include_str!("sql/write_progress.sql"), columns);
}

fn add_marks<'a>(writes: &mut Compound<'a>, working_set: &'a WorkingSet<'_>) {
    let done = working_set.coalesced.done.changes();
    let done = done.map(|((group, category, priority, position), ..)| LanePosition {
        group,
        category: category.as_str(),
        priority: *priority,
        position: *position,
    });
    let marks = [(MARK, Vec::from_iter(done)), (MOVE, moved(working_set, false).collect())];
    for (sql, of) in marks.into_iter().filter(|(_, of)| !of.is_empty()) {
        writes.add(sql, columns(of));
    }
}

/// Cursors move past the marks next to them, which are then deleted.
async fn pass_marks(session: &Session, working_set: &WorkingSet<'_>) -> Result<(), Fault> {
    if passed(working_set).next().is_none() {
        return Ok(());
    }
    // One that has yet to be compiled would be sent after the other.
    for sql in [PASS, FOLD] {
        session.prepared(sql).await?;
    }
    let columns = columns(passed(working_set).collect());
    let parameters = columns.each_ref().map(|column| &**column as Parameter<'_>);
    let (passed, folded) =
        tokio::join!(session.execute(PASS, &parameters), session.execute(FOLD, &parameters));
    all([passed, folded]).map(drop)
}

/// A position in the part of the log that one lane of a group reads.
struct LanePosition<'a> {
    group: &'a str,
    category: &'a str,
    priority: Priority,
    position: u64,
}

/// The cursors that move: all, or only those beyond which marks may lie.
fn moved<'a>(
    working_set: &'a WorkingSet<'_>,
    marked: bool,
) -> impl Iterator<Item = LanePosition<'a>> {
    let coalesced = &working_set.coalesced;
    let moved = coalesced.cursors.changes();
    let moved = moved.filter(|(_, before, now)| before.is_none_or(|before| *now > before));
    let moved = moved.filter(move |(key, ..)| !marked || coalesced.has_marks(key));
    moved.map(|((group, category, priority), _, now)| LanePosition {
        group,
        category: category.as_str(),
        priority: *priority,
        position: *now,
    })
}

fn passed<'a>(working_set: &'a WorkingSet<'_>) -> impl Iterator<Item = LanePosition<'a>> {
    moved(working_set, true)
}

fn columns(of: Vec<LanePosition<'_>>) -> [Column<'_>; 4] {
    [
        Box::new(of.iter().map(|at| Text(at.group)).collect::<Vec<_>>()),
        Box::new(of.iter().map(|at| Text(at.category)).collect::<Vec<_>>()),
        Box::new(of.iter().map(|at| i64::from(at.priority.value())).collect::<Vec<_>>()),
        Box::new(of.iter().map(|at| signed(at.position)).collect::<Vec<_>>()),
    ]
}

fn add_counts<'a>(writes: &mut Compound<'a>, working_set: &'a WorkingSet<'_>) {
    let counted: Vec<_> = working_set.coalesced.counts.changes().collect();
    if counted.is_empty() {
        return;
    }
    let groups: Vec<_> = counted.iter().map(|((group, ..), ..)| Text(group)).collect();
    let categories: Vec<_> = counted.iter().map(|((_, of, _), ..)| Text(of.as_str())).collect();
    let terms: Vec<_> = counted.iter().map(|((.., term), ..)| Text(term.as_str())).collect();
    let more = |(_, before, now): &(_, Option<&u64>, &u64)| signed(**now - before.unwrap_or(&0));
    let more: Vec<_> = counted.iter().map(more).collect();
    let columns: [Column<'a>; 4] =
        [Box::new(groups), Box::new(categories), Box::new(terms), Box::new(more)];
    writes.add(include_str!("sql/count.sql"), columns);
}

/// In the order of the units: one may take what another has added.
async fn moves(session: &Session, moves: &[Move<'_>]) -> Result<(), Fault> {
    // Of many rejects in a row, each would take a round trip while others wait for the log.
    for run in moves.chunk_by(|one, next| one.is_reject() && next.is_reject()) {
        match &run[0] {
            Move::Park(park) => move_parked(session, park).await?,
            Move::Dead(dead) => move_dead(session, dead).await?,
            first @ Move::Intake(_) if first.is_reject() => {
                intake_changes::reject(session, run).await?;
            }
            Move::Intake(change) => intake_changes::write(session, change).await?,
        }
    }
    Ok(())
}

async fn move_parked(session: &Session, park: &Park) -> Result<(), Fault> {
    match park {
        Park::Keep { group, message, attempts, due, reason } => {
            let due = due.map(Timestamp::as_micros);
            let row = [&due as Parameter<'_>, &Text(reason)];
            put(session, include_str!("sql/park.sql"), group, message, *attempts, row).await
        }
        Park::Hold { group, message, attempts, reason } => {
            let row = [&None::<i64> as Parameter<'_>, &Text(reason)];
            put(session, include_str!("sql/park.sql"), group, message, *attempts, row).await
        }
        Park::Take { group, message } => take(session, UNPARK, group, message).await,
        Park::Release { group, stream, due } => {
            let parameters: [Parameter<'_>; 3] =
                [&Text(group), &Text(stream.as_str()), &due.as_micros()];
            session.execute(include_str!("sql/release_parked.sql"), &parameters).await.map(drop)
        }
    }
}

async fn move_dead(session: &Session, dead: &Dead) -> Result<(), Fault> {
    match dead {
        Dead::Add { group, message, attempts, reason, time, .. } => {
            let row = [&Text(reason) as Parameter<'_>, &time.as_micros()];
            put(session, include_str!("sql/add_dead_letter.sql"), group, message, *attempts, row)
                .await?;
            take(session, UNPARK, group, message).await
        }
        Dead::Take { group, message } => take(session, TAKE_DEAD_LETTER, group, message).await,
    }
}

async fn take(
    session: &Session,
    sql: &str,
    group: &str,
    message: &MessageRef,
) -> Result<(), Fault> {
    session.execute(sql, &[&Text(group), &signed(message.position)]).await.map(drop)
}

async fn put(
    session: &Session,
    sql: &str,
    group: &str,
    message: &MessageRef,
    attempts: u32,
    last: [Parameter<'_>; 2],
) -> Result<(), Fault> {
    let MessageRef { position, stream, stream_position, priority } = message;
    let parameters: [Parameter<'_>; 9] = [
        &Text(group),
        &signed(*position),
        &Text(stream.as_str()),
        &signed(*stream_position),
        &Text(stream.category().as_str()),
        &i64::from(priority.value()),
        &i64::from(attempts),
        last[0],
        last[1],
    ];
    session.execute(sql, &parameters).await.map(drop)
}
