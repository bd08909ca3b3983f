//! Decides what changes in the intake, and writes it.

use protean_port::port::{IntakeChange, IntakeEntry, left_out};
use protean_sql::signed;

use crate::connection::{Parameter, Session};
use crate::error::Fault;
use crate::refusal::Refusal;
use crate::value::Text;
use crate::working_set::{IntakeState, Move, WorkingSet};

/// Decides a change of the intake.
pub(crate) fn decide<'a>(
    working_set: &mut WorkingSet<'a>,
    change: &'a IntakeChange,
) -> Result<(), Refusal> {
    use IntakeState::{Gone, Rejected, Taken, Waiting};
    let (place, before, after) = match change {
        IntakeChange::Add(_) => {
            working_set.moves.push(Move::Intake(change));
            return Ok(());
        }
        IntakeChange::Take(place) => (*place, Waiting, Taken),
        IntakeChange::Reject { place, .. } => (*place, Waiting, Rejected),
        IntakeChange::Retry(place) | IntakeChange::Drop(place) => (*place, Rejected, Gone),
    };
    if working_set.intake.get(&place) != Some(&before) {
        let outcome = match before {
            Rejected => left_out::not_rejected(place),
            _ => left_out::not_in_intake(place),
        };
        return Err(Refusal::LeftOut(outcome));
    }
    working_set.intake.set(place, after);
    // Taken rows are deleted together.
    if after != Taken {
        working_set.moves.push(Move::Intake(change));
    }
    Ok(())
}

/// Carries out every change other than taking or rejecting a row.
pub(crate) async fn write(session: &Session, change: &IntakeChange) -> Result<(), Fault> {
    match change {
        IntakeChange::Add(entry) => {
            let IntakeEntry { id, type_name, data, priority, key, metadata } = &**entry;
            let (id, type_name, data) = (&**id, &**type_name, &**data);
            let (key, metadata) = (key.as_deref(), metadata.as_deref());
            let row: [Parameter<'_>; 6] = [&id, &type_name, &data, priority, &key, &metadata];
            session.execute(include_str!("sql/add_to_intake.sql"), &row).await?;
        }
        IntakeChange::Retry(place) => {
            let place: [Parameter<'_>; 1] = [&signed(*place)];
            session.execute(include_str!("sql/retry_reject.sql"), &place).await?;
        }
        IntakeChange::Drop(place) => {
            let place: [Parameter<'_>; 1] = [&signed(*place)];
            session.execute(include_str!("sql/drop_reject.sql"), &place).await?;
        }
        IntakeChange::Take(_) | IntakeChange::Reject { .. } => {}
    }
    Ok(())
}

/// Rejects rows in one statement.
pub(crate) async fn reject(session: &Session, moves: &[Move<'_>]) -> Result<(), Fault> {
    let (mut places, mut reasons, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for step in moves {
        if let Move::Intake(IntakeChange::Reject { place, reason, time }) = step {
            places.push(signed(*place));
            reasons.push(Text(reason));
            times.push(time.as_micros());
        }
    }
    let sql = include_str!("sql/reject_from_intake.sql");
    session.execute(sql, &[&places, &reasons, &times]).await.map(drop)
}
