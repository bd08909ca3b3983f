//! Writes what the units of a transaction came to: an array a table, all sent at once.

use protean_port::message::{Message, Timestamp};
use protean_port::port::{Dead, MessageRef, Park, Place};
use protean_sql::signed;

use crate::connection::{Parameter, Session};
use crate::error::{Fault, all};
use crate::picture::{Move, Picture};
use crate::refusal::Refusal;
use crate::row;
use crate::value::Text;

const UNPARK: &str = include_str!("sql/unpark.sql");
/// What is done marks, then the cursors, then what marks they have passed; compiled
/// beforehand, so that they are sent in this order.
const MARKS: [&str; 4] = [
    include_str!("sql/mark_done.sql"),
    include_str!("sql/move_cursors.sql"),
    include_str!("sql/pass_done.sql"),
    include_str!("sql/fold_done.sql"),
];
const EXHUME: &str = include_str!("sql/exhume.sql");

/// Writes everything that is kept and not written.
pub(crate) async fn flush(session: &Session, picture: &Picture<'_>) -> Result<(), Refusal> {
    let (rows, written) =
        tokio::join!(row::flush(session, &picture.rows), ledger(session, picture));
    Refusal::first(vec![rows, written.map_err(Refusal::from)])
}

async fn ledger(session: &Session, picture: &Picture<'_>) -> Result<(), Fault> {
    let written = tokio::join!(
        messages(session, picture.messages.changes()),
        keys(session, picture),
        progress(session, picture),
        marks(session, picture),
        counts(session, picture),
        moves(session, picture.moves.changes()),
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
    let extensions: Vec<_> = new.iter().map(|(_, message)| message.extensions.to_json()).collect();
    let extensions: Vec<_> = extensions.iter().map(|json| json.as_deref().map(Text)).collect();
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

async fn keys(session: &Session, picture: &Picture<'_>) -> Result<(), Fault> {
    let claims: Vec<_> = picture.keys.changes().map(|(_, _, claim)| claim).collect();
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

async fn progress(session: &Session, picture: &Picture<'_>) -> Result<(), Fault> {
    let moved: Vec<_> = picture.progress.changes().collect();
    if moved.is_empty() {
        return Ok(());
    }
    let groups: Vec<_> = moved.iter().map(|((group, _), ..)| Text(group)).collect();
    let streams: Vec<_> = moved.iter().map(|((_, stream), ..)| Text(stream)).collect();
    let next: Vec<_> = moved.iter().map(|(.., next)| signed(**next)).collect();
    let parameters: [Parameter<'_>; 3] = [&groups, &streams, &next];
    session.execute(include_str!("sql/write_progress.sql"), &parameters).await.map(drop)
}

/// Marks first: a cursor moves past those next to it, and forgets all it has passed.
async fn marks(session: &Session, picture: &Picture<'_>) -> Result<(), Fault> {
    let [mark, go, pass, fold] = MARKS;
    let (done, cursors) = (&picture.coalesced.done, &picture.coalesced.cursors);
    if done.changes().next().is_none() && cursors.changes().next().is_none() {
        return Ok(());
    }
    for sql in MARKS {
        session.prepared(sql).await?;
    }
    let done = done.changes();
    let done = done.map(|((group, category, priority, position), ..)| {
        (Text(group), Text(category.as_str()), i64::from(priority.value()), signed(*position))
    });
    let moved = || {
        let moved =
            cursors.changes().filter(|(_, before, now)| before.is_none_or(|before| *now > before));
        moved.map(|((group, category, priority), _, now)| {
            (Text(group), Text(category.as_str()), i64::from(priority.value()), signed(*now))
        })
    };
    let written = tokio::join!(
        lanes(session, mark, done),
        lanes(session, go, moved()),
        lanes(session, pass, moved()),
        lanes(session, fold, moved())
    );
    all(written.into()).map(drop)
}

async fn lanes<'a>(
    session: &Session,
    sql: &str,
    of: impl Iterator<Item = (Text<'a>, Text<'a>, i64, i64)>,
) -> Result<(), Fault> {
    let (mut groups, mut categories) = (Vec::new(), Vec::new());
    let (mut priorities, mut positions) = (Vec::new(), Vec::new());
    for (group, category, priority, position) in of {
        groups.push(group);
        categories.push(category);
        priorities.push(priority);
        positions.push(position);
    }
    if groups.is_empty() {
        return Ok(());
    }
    let parameters: [Parameter<'_>; 4] = [&groups, &categories, &priorities, &positions];
    session.execute(sql, &parameters).await.map(drop)
}

async fn counts(session: &Session, picture: &Picture<'_>) -> Result<(), Fault> {
    let counted: Vec<_> = picture.coalesced.counts.changes().collect();
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

/// In the order of the units: one may take out what another has kept.
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
            put(session, include_str!("sql/park.sql"), (group, message, *attempts), row).await
        }
        Park::Hold { group, message, attempts, reason } => {
            let row = [&None::<i64> as Parameter<'_>, &Text(reason)];
            put(session, include_str!("sql/park.sql"), (group, message, *attempts), row).await
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
            put(session, include_str!("sql/bury.sql"), (group, message, *attempts), row).await?;
            take(session, UNPARK, group, message).await
        }
        Dead::Take { group, message } => take(session, EXHUME, group, message).await,
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
    (group, message, attempts): (&str, &MessageRef, u32),
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
