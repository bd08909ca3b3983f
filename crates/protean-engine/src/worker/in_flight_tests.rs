//! What is noted, and what is suspected of it.

use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use protean_port::Result;
use protean_port::message::Lane;
use protean_port::port::{BoxFuture, Claim, Delivery};

use super::{InFlight, Note, OwnNotes};
use crate::sample;

#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<Vec<u64>>>>);

impl Claim for Notes {
    fn left(&self) -> &[u64] {
        &[]
    }

    fn lost(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn note(&self, positions: &[u64]) -> BoxFuture<'static, Result> {
        self.0.lock().unwrap().push(positions.to_vec());
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Notes {
    fn taken(&self) -> Vec<Vec<u64>> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Writes a note when there is anything to note.
fn note(in_flight: &mut InFlight) {
    if let Some(Note { number, written }) = in_flight.note() {
        in_flight.note_ended(number, written.now_or_never().unwrap()).unwrap();
    }
}

fn claimed(notes: &Notes) -> InFlight {
    let mut in_flight = InFlight::new(Arc::default());
    in_flight.adopt(Box::new(notes.clone()));
    in_flight
}

fn delivery(position: u64, attempts: u32) -> Delivery {
    Delivery { attempts, parked: true, ..sample::delivery(position) }
}

#[test]
fn a_suspect_that_is_charged_when_the_claim_is_lost_is_not_charged_again() {
    let own_notes = Arc::<Mutex<OwnNotes>>::default();
    let mut in_flight = InFlight::new(Arc::clone(&own_notes));
    in_flight.adopt(Box::new(Notes::default()));
    for position in [1, 2] {
        in_flight.suspect(position, Lane::Primary, "s".into());
        assert!(in_flight.admit(delivery(position, 0)).is_none());
    }
    assert!(in_flight.begin(3));
    note(&mut in_flight);
    assert!(in_flight.next(|_| true).is_some());
    in_flight.step_down();
    let own_notes = own_notes.lock().unwrap();
    assert_eq!(own_notes.suspects(&[1, 2, 3]), [2], "3 was never a suspect");
    assert_eq!(own_notes.suspects(&[1, 2, 4]), [1, 2, 4], "another process has led");
}

#[test]
fn what_begins_is_noted_with_the_suspects() {
    let notes = Notes::default();
    let mut in_flight = claimed(&notes);
    note(&mut in_flight);
    assert!(notes.taken().is_empty(), "nothing has begun");
    in_flight.suspect(3, Lane::Primary, Arc::from("s"));
    in_flight.begin(7);
    in_flight.begin(8);
    note(&mut in_flight);
    in_flight.end(7);
    note(&mut in_flight);
    assert!(in_flight.begin(9));
    note(&mut in_flight);
    assert_eq!(notes.taken(), [vec![3, 7, 8], vec![3, 8, 9]]);
    in_flight.clear_notes();
    note(&mut in_flight);
    assert_eq!(notes.taken(), [vec![3]], "a suspect that has not run is one still");
    in_flight.clear(3);
    in_flight.clear_notes();
    note(&mut in_flight);
    assert_eq!(notes.taken(), [Vec::<u64>::new()]);
}

#[test]
fn what_comes_next_is_noted_once_for_all_of_it() {
    let notes = Notes::default();
    let mut in_flight = claimed(&notes);
    assert!(in_flight.begin(1));
    in_flight.expect(Lane::Primary, [2, 3].into_iter());
    note(&mut in_flight);
    for position in [2, 3] {
        in_flight.end(position - 1);
        assert!(!in_flight.begin(position));
        note(&mut in_flight);
    }
    assert_eq!(notes.taken(), [vec![1, 2, 3]]);
    assert!(in_flight.begin(4));
    in_flight.expect(Lane::Primary, [5].into_iter());
    note(&mut in_flight);
    assert_eq!(notes.taken(), [vec![3, 4, 5]], "3 still runs");
    in_flight.clear_notes();
    note(&mut in_flight);
    assert!(in_flight.begin(5), "what has been cleared is noted no more");
}

#[test]
fn suspects_run_one_after_the_other_once_charged() {
    let mut in_flight = claimed(&Notes::default());
    in_flight.suspect(3, Lane::Primary, Arc::from("s"));
    in_flight.suspect(4, Lane::Primary, Arc::from("s"));
    assert_eq!(in_flight.admit(delivery(5, 0)), Some(delivery(5, 0)), "not a suspect");
    assert_eq!(in_flight.admit(delivery(3, 1)), None);
    assert_eq!(in_flight.admit(delivery(4, 0)), None);
    assert_eq!(in_flight.next(|_| false), None, "something before them is still to run");
    assert_eq!(in_flight.next(|_| true), Some(delivery(3, 1)));
    assert!(in_flight.absent(Lane::Primary).is_empty(), "one is charged, one in line");
    assert!(in_flight.is_charged(3) && !in_flight.is_charged(4));
    assert!(in_flight.has_current() && in_flight.has_line(Lane::Primary));
    in_flight.clear(3);
    assert_eq!(in_flight.next(|_| true), Some(delivery(4, 0)));
    in_flight.clear(4);
    assert_eq!(in_flight.admit(delivery(4, 1)), Some(delivery(4, 1)), "suspected no more");
    assert_eq!((in_flight.next(|_| true), in_flight.has_current()), (None, false));
}

#[test]
fn stepping_down_gives_up_every_suspect_but_the_one_that_runs() {
    let notes = Notes::default();
    let mut in_flight = claimed(&notes);
    for position in [3, 4] {
        in_flight.suspect(position, Lane::Primary, Arc::from("s"));
        in_flight.admit(delivery(position, 0));
    }
    in_flight.next(|_| true);
    in_flight.begin(3);
    assert_eq!(in_flight.step_down(), [(4, Lane::Primary, Arc::from("s"))]);
    assert!(!in_flight.is_claimed() && !in_flight.has_line(Lane::Primary));
    note(&mut in_flight);
    assert!(notes.taken().is_empty(), "the notes belong to the next holder");
    in_flight.end(3);
    assert!(in_flight.clear(3), "its permit is free");
}

#[test]
fn a_suspect_that_is_charged_and_has_not_begun_is_given_up_as_well() {
    let mut in_flight = claimed(&Notes::default());
    in_flight.suspect(3, Lane::Primary, Arc::from("s"));
    in_flight.admit(delivery(3, 0));
    in_flight.next(|_| true);
    assert_eq!(in_flight.step_down().len(), 1);
    assert!(!in_flight.is_charged(3) && !in_flight.has_current());
}
