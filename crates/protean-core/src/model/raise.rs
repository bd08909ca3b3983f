//! Raising events: what is checked before, and what is recorded.

use protean_port::{Error, Result};

use super::aggregate::{Aggregate, Apply, note_states, states_of, violations_after};
use super::json::to_json;
use super::messages::Event;
use super::root::{Raised, Reminder, Root, Start};

impl Raised {
    /// An event with its fields as JSON.
    ///
    /// # Errors
    /// When they are nothing that JSON can hold, or more than a log takes in.
    pub fn of<E: Event>(event: &E) -> Result<Self> {
        let data = to_json(E::NAME, event)?;
        Ok(Self { name: E::NAME, version: E::VERSION, is_published: E::PUBLISHED, data })
    }
}

/// Sets a timer of a process, once the process is kept.
///
/// # Errors
/// When the timer breaks the rules of its fields.
pub fn set_timer<P, T: Event<Aggregate = P>>(
    root: &mut Root<P>,
    timer: &T,
    start: Start,
) -> Result {
    timer.check().into_result()?;
    root.remind(Reminder::Set(Raised::of(timer)?, start));
    Ok(())
}

/// Raises an event of an event-sourced aggregate: invariants before, apply,
/// fields and invariants after, record.
///
/// # Errors
/// When the event or the state before or after breaks a rule. A state that is
/// wrong after the event cannot be kept any more.
pub fn raise_applied<A, E>(aggregate: &mut A, event: &E) -> Result
where
    A: Aggregate + Apply<E>,
    E: Event<Aggregate = A>,
{
    let raised = apply_checked(aggregate, event);
    raised.map(|raised| aggregate.root_mut().record(raised)).inspect_err(|_| {
        aggregate.root_mut().note_failure();
    })
}

/// The event, once it is applied and nothing is wrong.
fn apply_checked<A, E>(aggregate: &mut A, event: &E) -> Result<Raised>
where
    A: Aggregate + Apply<E>,
    E: Event<Aggregate = A>,
{
    check(aggregate, event)?;
    if !aggregate.root().is_blank() {
        aggregate.before().into_result()?;
        note_states(aggregate);
    }
    let raised = Raised::of(event)?;
    aggregate.apply(event);
    let wrong = violations_after(aggregate);
    if !wrong.is_empty() {
        aggregate.root_mut().bar(wrong.clone());
        return Err(Error::invalid(wrong));
    }
    Ok(raised)
}

/// Raises an event of a state-stored aggregate: the state is checked when it is kept.
///
/// # Errors
/// When the event breaks a rule, or the aggregate was loaded in a state that
/// forbids changes.
pub fn raise_recorded<A, E>(aggregate: &mut A, event: &E) -> Result
where
    A: Aggregate,
    E: Event<Aggregate = A>,
{
    let raised = check(aggregate, event)
        .and_then(|()| follow_states(aggregate))
        .and_then(|()| Raised::of(event));
    raised.map(|raised| aggregate.root_mut().record(raised)).inspect_err(|_| {
        aggregate.root_mut().note_failure();
    })
}

/// Checks the transitions at each event of a state-stored aggregate.
fn follow_states<A: Aggregate>(aggregate: &mut A) -> Result {
    let states = states_of(aggregate);
    states.violations_since(aggregate.root().states()).into_result()?;
    aggregate.root_mut().set_states(states);
    Ok(())
}

/// What holds for every event that is raised.
fn check<A: Aggregate, E: Event>(aggregate: &A, event: &E) -> Result {
    const {
        assert!(
            !E::FACT,
            "fact events are raised by the framework: raise an event that you declared"
        )
    };
    aggregate.root().allow()?;
    event.check().into_result()
}
