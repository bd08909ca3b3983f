//! Every state meets every event.

use super::{Event, State};

const STATES: [State; 4] =
    [State::Candidate, State::Unreachable, State::StandingBy, State::Leading];
const EVENTS: [Event; 5] =
    [Event::Granted, Event::Refused, Event::Failed, Event::Lost, Event::Resigned];

#[test]
fn a_process_that_does_not_lead_becomes_what_the_store_says() {
    for state in [State::Candidate, State::Unreachable, State::StandingBy] {
        assert_eq!(state.after(Event::Granted), State::Leading);
        assert_eq!(state.after(Event::Refused), State::StandingBy);
        assert_eq!(state.after(Event::Failed), State::Unreachable);
    }
}

#[test]
fn only_a_leader_can_lose_a_claim_or_resign() {
    for state in [State::Candidate, State::Unreachable, State::StandingBy] {
        assert_eq!(state.after(Event::Lost), state);
        assert_eq!(state.after(Event::Resigned), state);
    }
    assert_eq!(State::Leading.after(Event::Lost), State::StandingBy);
    assert_eq!(State::Leading.after(Event::Resigned), State::Candidate);
}

#[test]
fn a_leader_stays_one_until_the_claim_is_lost_or_its_work_ends() {
    for event in [Event::Granted, Event::Refused, Event::Failed] {
        assert_eq!(State::Leading.after(event), State::Leading);
    }
}

#[test]
fn nobody_leads_without_having_been_granted_the_claim_since_the_last_loss() {
    // Every sequence of five events, from every state.
    for number in 0..EVENTS.len().pow(5) {
        for start in STATES {
            let (mut state, mut granted) = (start, start == State::Leading);
            let mut rest = number;
            for _ in 0..5 {
                let event = EVENTS[rest % EVENTS.len()];
                rest /= EVENTS.len();
                match event {
                    Event::Granted => granted = true,
                    Event::Lost | Event::Resigned => granted = false,
                    Event::Refused | Event::Failed => {}
                }
                state = state.after(event);
                assert_eq!(state == State::Leading, granted, "{start:?}, {number}");
            }
        }
    }
}
