use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::{prop_assert, prop_assert_eq, proptest};
use protean_core::config::OutboxRetry;
use protean_port::message::{Lane, Priority, Timestamp};
use protean_port::port::{At, Changes, Dead, Delivery, EntryId, Park, Published};

use super::{Policy, settle};
use crate::sample;

const RETRY: OutboxRetry = OutboxRetry {
    max_attempts: 3,
    base_delay: Duration::from_secs(60),
    max_backoff: Duration::from_secs(3600),
    backoff_multiplier: 2.0,
    jitter: false,
    jitter_factor: 0.25,
};

fn delivery(position: u64, priority: Priority, parked: bool, attempts: u32) -> Delivery {
    let mut delivery = Delivery { parked, attempts, ..sample::delivery(position) };
    delivery.recorded.stream_position = position;
    delivery.recorded.message.priority = priority;
    delivery
}

fn in_log(position: u64, priority: Priority) -> Delivery {
    delivery(position, priority, false, 0)
}

fn accepted() -> Published {
    Published::Accepted(EntryId::new("1-0"))
}

fn refused() -> Published {
    Published::Refused("too large".into())
}

fn down() -> Published {
    Published::Unavailable("down".into())
}

fn settled(deliveries: &[Delivery], published: &[Published]) -> Changes {
    let (relay, now) = (Arc::from("bank.relay:default"), Timestamp::from_micros(0));
    settle(&Policy { relay: &relay, retry: &RETRY, now }, Lane::Primary, deliveries, published)
}

fn cursors(changes: &Changes) -> Vec<(Priority, At)> {
    changes.marks.iter().map(|mark| (mark.priority, mark.at)).collect()
}

#[test]
fn a_published_page_moves_the_cursor_of_each_priority_to_its_end() {
    let page = [
        in_log(4, Priority::HIGH),
        in_log(9, Priority::HIGH),
        in_log(2, Priority::NORMAL),
        in_log(3, Priority::NORMAL),
    ];
    let changes = settled(&page, &[accepted(), accepted(), accepted(), accepted()]);
    let expected = [(Priority::NORMAL, At::UpTo(3)), (Priority::HIGH, At::UpTo(9))];
    assert_eq!(cursors(&changes), expected);
    assert!(changes.parks.is_empty() && changes.dead.is_empty());
}

#[test]
fn an_outage_stops_the_cursor_and_burns_no_attempt() {
    let page = [1, 2, 3].map(|position| in_log(position, Priority::NORMAL));
    let changes = settled(&page, &[accepted(), down(), accepted()]);
    assert_eq!(cursors(&changes), [(Priority::NORMAL, At::UpTo(1))]);
    let changes = settled(&page, &[down(), refused(), accepted()]);
    assert!(changes.marks.is_empty() && changes.parks.is_empty() && changes.dead.is_empty());
    let parked = [delivery(7, Priority::NORMAL, true, 2)];
    let changes = settled(&parked, &[down()]);
    assert!(changes.parks.is_empty() && changes.dead.is_empty(), "it stays as it is");
}

#[test]
fn what_the_broker_refuses_is_tried_again_ever_later_and_then_given_up() {
    let waits = [(0, 60), (1, 120)];
    for (attempts, seconds) in waits {
        let tried = delivery(5, Priority::NORMAL, attempts > 0, attempts);
        let changes = settled(&[tried], &[refused()]);
        let [Park::Keep { attempts: now, due, reason, .. }] = &changes.parks[..] else {
            panic!("{changes:?}")
        };
        assert_eq!((*now, reason.as_str()), (attempts + 1, "too large"));
        assert_eq!(*due, Some(Timestamp::from_micros(seconds * 1_000_000)));
        assert_eq!(changes.marks.len(), usize::from(attempts == 0), "the others go on");
    }
    let changes = settled(&[delivery(5, Priority::NORMAL, true, 2)], &[refused()]);
    let [Dead::Add { attempts: 3, in_turn: false, .. }] = &changes.dead[..] else {
        panic!("{changes:?}")
    };
    assert!(changes.parks.is_empty());
}

#[test]
fn a_parked_message_that_is_published_is_taken_out() {
    let changes = settled(&[delivery(5, Priority::NORMAL, true, 1)], &[accepted()]);
    assert!(matches!(&changes.parks[..], [Park::Take { .. }]) && changes.marks.is_empty());
}

proptest! {
    #[test]
    fn nothing_that_is_not_published_is_behind_the_cursor(outcomes in vec(0_u8..3, 1..40)) {
        let page: Vec<Delivery> =
            (1..).take(outcomes.len()).map(|at| in_log(at, Priority::NORMAL)).collect();
        let published: Vec<Published> =
            outcomes.iter().map(|outcome| [accepted, refused, down][usize::from(*outcome)]()).collect();
        let changes = settled(&page, &published);
        let first_down = outcomes.iter().position(|outcome| *outcome == 2).unwrap_or(outcomes.len());
        let cursor = match cursors(&changes)[..] {
            [] => 0,
            [(_, At::UpTo(position))] => usize::try_from(position).unwrap(),
            _ => usize::MAX,
        };
        prop_assert_eq!(cursor, first_down);
        let refused = outcomes[..first_down].iter().filter(|outcome| **outcome == 1).count();
        prop_assert_eq!(changes.parks.len(), refused);
        prop_assert!(changes.dead.is_empty());
    }
}
