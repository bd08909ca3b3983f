//! Writes the result of a transaction: one array for each column, all statements sent at once.

use protean_port::message::{Message, Priority, Timestamp};
use protean_port::port::{Dead, MessageRef, Park, Place};
use protean_sql::signed;

use crate::connection::{Parameter, Session};
use crate::error::{Fault, all};
use crate::refusal::Refusal;
use crate::row;
use crate::value::Text;
use crate::working_set::{Move, WorkingSet};

const UNPARK: &str = include_str!("sql/unpark.sql");
/// Done marks, then cursors, then the marks that the cursors have passed. The statements
/// are compiled beforehand, so that they are sent in this order.
const MARKS: [&str; 4] = [
    include_str!("sql/mark_done.sql"),
    include_str!("sql/move_cursors.sql"),
    include_str!("sql/pass_done.sql"),
    include_str!("sql/fold_done.sql"),
];
const TAKE_DEAD_LETTER: &str = include_str!("sql/take_dead_letter.sql");

/// Writes the changes that are kept and not written yet.
pub(crate) async fn flush(session: &Session, working_set: &WorkingSet<'_>) -> Result<(), Refusal> {
    let (rows, written) =
        tokio::join!(row::flush(session, &working_set.rows), ledger(session, working_set));
    Refusal::first(vec![rows, written.map_err(Refusal::from)])
}

async fn ledger(session: &Session, working_set: &WorkingSet<'_>) -> Result<(), Fault> {
    let written = tokio::join!(
        messages(session, working_set.messages.changes()),
        keys(session, working_set),
        progress(session, working_set),
        marks(session, working_set),
        counts(session, working_set),
        moves(session, working_set.moves.changes()),
    );
    all(written.into()).map(drop)
}

async fn messages(session: &Session, new: &[(Place, &Message)]) -> Result<(), Fault> {
    if new.is_empty() {
        return Ok(());
    }
    let number = |of: fn(&Place, &Message) -> i64| -> Vec<i64> {
        new.iter().map(|(place, message)| of(place, message)).collect()
    };
    let (positions, stream_positions) =
        (number(|at, _| signed(at.position)), number(|at, _| signed(at.stream_position)));
    let (priorities, versions, times) = (
        number(|_, message| message.priority.value().into()),
        number(|_, message| message.version.into()),
        number(|_, message| message.time.as_micros()),
    );
    let json: Vec<_> = new.iter().map(|(_, message)| message.extensions.to_json()).collect();
    let extensions: Vec<_> = json.iter().map(|json| json.as_deref().map(Text)).collect();
    let causes: Vec<_> =
        new.iter().map(|(_, message)| message.causation_id.as_deref().map(Text)).collect();
    let parameters: [Parameter<'_>; 14] = [
        &positions,
        &texts(new, |message| message.stream.as_str()),
        &stream_positions,
        &texts(new, |message| message.stream.category().as_str()),
        &priorities,
        &texts(new, |message| message.kind.as_str()),
        &texts(new, |message| &message.type_name),
        &versions,
        &texts(new, |message| &message.id),
        &texts(new, |message| &message.correlation_id),
        &causes,
        &times,
        &texts(new, |message| &message.data),
        &extensions,
    ];
    session.execute(include_str!("sql/append_messages.sql"), &parameters).await.map(drop)
}

fn texts<'a>(new: &'a [(Place, &Message)], of: fn(&Message) -> &str) -> Vec<Text<'a>> {
    new.iter().map(|(_, message)| Text(of(message))).collect()
}

async fn keys(session: &Session, working_set: &WorkingSet<'_>) -> Result<(), Fault> {
    let claims: Vec<_> = working_set.keys.changes().map(|(_, _, claim)| claim).collect();
    if claims.is_empty() {
        return Ok(());
    }
    let commands: Vec<_> = claims.iter().map(|claim| Text(&claim.command)).collect();
    let keys: Vec<_> = claims.iter().map(|claim| Text(&claim.key)).collect();
    let messages: Vec<_> = claims.iter().map(|claim| Text(&claim.message_id)).collect();
    let outputs: Vec<_> = claims.iter().map(|claim| claim.output.as_deref().map(Text)).collect();
    let times: Vec<_> = claims.iter().map(|claim| claim.time.as_micros()).collect();
    let expires: Vec<_> = claims.iter().map(|claim| claim.expires.as_micros()).collect();
    let parameters: [Parameter<'_>; 6] = [&commands, &keys, &messages, &outputs, &times, &expires];
    session.execute(include_str!("sql/write_keys.sql"), &parameters).await.map(drop)
}

async fn progress(session: &Session, working_set: &WorkingSet<'_>) -> Result<(), Fault> {
    let moved: Vec<_> = working_set.progress.changes().collect();
    if moved.is_empty() {
        return Ok(());
    }
    let groups: Vec<_> = moved.iter().map(|((group, _), ..)| Text(group)).collect();
    let streams: Vec<_> = moved.iter().map(|((_, stream), ..)| Text(stream)).collect();
    let next: Vec<_> = moved.iter().map(|(.., next)| signed(**next)).collect();
    let parameters: [Parameter<'_>; 3] = [&groups, &streams, &next];
    session.execute(include_str!("sql/write_progress.sql"), &parameters).await.map(drop)
}

/// Marks go first: a cursor moves past the marks next to it and deletes those it has passed.
async fn marks(session: &Session, working_set: &WorkingSet<'_>) -> Result<(), Fault> {
    let [mark, go, pass, fold] = MARKS;
    let (done, cursors) = (&working_set.coalesced.done, &working_set.coalesced.cursors);
    if done.changes().next().is_none() && cursors.changes().next().is_none() {
        return Ok(());
    }
    for sql in MARKS {
        session.prepared(sql).await?;
    }
    let done = done.changes().map(|((group, category, priority, position), ..)| LanePosition {
        group,
        category: category.as_str(),
        priority: *priority,
        position: *position,
    });
    let moved = |marked: bool| {
        let moved =
            cursors.changes().filter(|(_, before, now)| before.is_none_or(|before| *now > before));
        let moved = moved.filter(move |(key, ..)| !marked || working_set.coalesced.has_marks(key));
        moved.map(|((group, category, priority), _, now)| LanePosition {
            group,
            category: category.as_str(),
            priority: *priority,
            position: *now,
        })
    };
    let written = tokio::join!(
        lanes(session, mark, done),
        lanes(session, go, moved(false)),
        lanes(session, pass, moved(true)),
        lanes(session, fold, moved(true))
    );
    all(written.into()).map(drop)
}

/// A position in the part of the log that one lane of a group reads.
struct LanePosition<'a> {
    group: &'a str,
    category: &'a str,
    priority: Priority,
    position: u64,
}

async fn lanes<'a>(
    session: &Session,
    sql: &str,
    of: impl Iterator<Item = LanePosition<'a>>,
) -> Result<(), Fault> {
    let (mut groups, mut categories) = (Vec::new(), Vec::new());
    let (mut priorities, mut positions) = (Vec::new(), Vec::new());
    for at in of {
        groups.push(Text(at.group));
        categories.push(Text(at.category));
        priorities.push(i64::from(at.priority.value()));
        positions.push(signed(at.position));
    }
    if groups.is_empty() {
        return Ok(());
    }
    let parameters: [Parameter<'_>; 4] = [&groups, &categories, &priorities, &positions];
    session.execute(sql, &parameters).await.map(drop)
}

async fn counts(session: &Session, working_set: &WorkingSet<'_>) -> Result<(), Fault> {
    let counted: Vec<_> = working_set.coalesced.counts.changes().collect();
    if counted.is_empty() {
        return Ok(());
    }
    let groups: Vec<_> = counted.iter().map(|((group, ..), ..)| Text(group)).collect();
    let categories: Vec<_> = counted.iter().map(|((_, of, _), ..)| Text(of.as_str())).collect();
    let terms: Vec<_> = counted.iter().map(|((.., term), ..)| Text(term.as_str())).collect();
    let more = |(_, before, now): &(_, Option<&u64>, &u64)| signed(**now - before.unwrap_or(&0));
    let more: Vec<_> = counted.iter().map(more).collect();
    let parameters: [Parameter<'_>; 4] = [&groups, &categories, &terms, &more];
    session.execute(include_str!("sql/count.sql"), &parameters).await.map(drop)
}

/// In the order of the units: one may take what another has added.
async fn moves(session: &Session, moves: &[Move<'_>]) -> Result<(), Fault> {
    for step in moves {
        match step {
            Move::Park(park) => move_parked(session, park).await?,
            Move::Dead(dead) => move_dead(session, dead).await?,
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
