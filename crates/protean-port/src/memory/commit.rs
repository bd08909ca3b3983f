//! Commits units of work, each as a whole or not at all.

use super::state::State;
use super::unit::{Refused, Unit};
use super::{dead_letters, intake, keys, ledger, log, rows, schedules};
use crate::Violations;
use crate::port::{Changes, Outcome, Place, left_out};

/// Why statements are refused.
pub(super) const NO_SQL: &str = "the memory store cannot run SQL; in a test, use SQLite in a file";

/// The result of a commit.
pub(super) struct Committed {
    pub(super) outcomes: Vec<Outcome>,
    /// True when at least one unit was applied.
    pub(super) has_written: bool,
}

/// Applies the units in order, or the alternative of each unit that is left out.
pub(super) fn commit(state: &mut State, units: &[Changes]) -> Committed {
    let mut outcomes = Vec::with_capacity(units.len());
    let mut has_written = false;
    for changes in units {
        let outcome = apply(state, changes, &outcomes);
        if is_committed(&outcome) {
            has_written = true;
        } else if let Some(otherwise) = &changes.otherwise {
            has_written |= is_committed(&apply(state, otherwise, &outcomes));
        }
        outcomes.push(outcome);
    }
    Committed { outcomes, has_written }
}

fn apply(state: &mut State, changes: &Changes, earlier: &[Outcome]) -> Outcome {
    let holds = |index: &usize| earlier.get(*index).is_some_and(is_committed);
    if !changes.depends_on.iter().all(holds) {
        return Outcome::Dependent;
    }
    let mut unit = Unit::begin(state);
    match write(&mut unit, changes) {
        Ok(places) => {
            unit.keep();
            Outcome::Committed(places)
        }
        Err(refused) => refused,
    }
}

fn write(unit: &mut Unit<'_>, changes: &Changes) -> Refused<Vec<Place>> {
    if !changes.statements.is_empty() {
        return Err(Outcome::Rejected(Violations::of("statement", NO_SQL)));
    }
    let present = unit.state().correlations.generation();
    if let Some(made_by) = changes.correlated.filter(|made_by| *made_by != present) {
        return Err(left_out::correlated_otherwise(made_by, present));
    }
    let mut places = Vec::with_capacity(changes.appends.len());
    for append in &changes.appends {
        places.push(log::append(unit, append)?);
    }
    changes.rows.iter().try_for_each(|row| rows::write(unit, row))?;
    changes.keys.iter().try_for_each(|write| keys::write(unit, write))?;
    changes.schedules.iter().try_for_each(|schedule| schedules::write(unit, schedule))?;
    changes.intake.iter().try_for_each(|change| intake::write(unit, change))?;
    changes.progress.iter().try_for_each(|step| ledger::advance(unit, step))?;
    changes.marks.iter().try_for_each(|mark| ledger::mark(unit, mark, &places))?;
    changes.parks.iter().try_for_each(|park| ledger::park(unit, park))?;
    changes.dead.iter().try_for_each(|dead| dead_letters::write(unit, dead))?;
    changes.counts.iter().for_each(|count| ledger::count(unit, count));
    Ok(places)
}

fn is_committed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Committed(_))
}
