//! What became of a command: one process asks, another one handles.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use protean::message::Timestamp;
use protean::port::Clock;
use protean::prelude::Priority;
use protean::{Cancellation, CommandOutcome, Domain, Receipt, ScheduledMessages};
use protean_engine::DeadLetters;

use crate::harness::{Harness, On};
use crate::tickets::{BROKEN, Book, Booking, Pair, TOO_MANY, Ticket, TicketRow, book, tickets};
use crate::{on_every_stack, on_every_store};

on_every_stack! {
    an_outcome_is_told_to_another_process
    each_way_to_end_is_told_with_its_reason
    a_replayed_command_has_its_outcome_anew
    a_bulk_command_has_an_outcome
}

on_every_store! {
    an_outcome_that_is_not_kept_is_refused_at_once
    an_outcome_is_forgotten_when_its_time_is_over
    a_cancelled_command_keeps_its_outcome_for_its_time
    the_outcome_of_a_command_that_was_handled_at_once
    an_identity_is_the_same_each_time_its_message_is_handled
}

async fn an_outcome_is_told_to_another_process(on: On) {
    let pair = Pair::on(on);
    pair.while_served(async {
        // The server is there, with whatever it does first.
        assert_eq!(pair.sent(1).await.outcome().await.unwrap(), CommandOutcome::Handled(1));
        let began = Instant::now();
        for seats in 2..=6 {
            let receipt = pair.sent(1).await;
            assert_eq!(receipt.outcome().await.unwrap(), CommandOutcome::Handled(seats));
            // Its commit adds no message.
            let receipt = pair.sent(0).await;
            assert_eq!(receipt.outcome().await.unwrap(), CommandOutcome::Handled(0));
            assert_eq!(receipt.outcome().await.unwrap(), CommandOutcome::Handled(0), "once more");
        }
        // A caller that looks seldom would need a second for each.
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        let keyed = || pair.asks.domain.process(book(1)).idempotency_key("k").receipt();
        let (first, again) = (keyed().await.unwrap(), keyed().await.unwrap());
        assert_eq!(first.id(), again.id());
        assert_eq!(first.outcome().await.unwrap(), CommandOutcome::Handled(7));
        assert_eq!(again.outcome().await.unwrap(), CommandOutcome::Handled(7));
        let by_id = Receipt::<Book>::of(&pair.asks.domain, first.id()).await.unwrap();
        assert_eq!(by_id.outcome_so_far().await.unwrap(), Some(CommandOutcome::Handled(7)));
    })
    .await;
}

async fn each_way_to_end_is_told_with_its_reason(on: On) {
    let pair = Pair::on(on);
    let domain = &pair.asks.domain;
    let late = domain.process(book(1)).keep_outcome().timeout(Duration::from_millis(1));
    let late = late.receipt().await.unwrap();
    let scheduled = domain.process(book(1)).keep_outcome().after(Duration::from_secs(3600));
    let scheduled = scheduled.receipt().await.unwrap();
    assert_eq!(scheduled.outcome_so_far().await.unwrap(), None);
    tokio::time::sleep(Duration::from_millis(20)).await;
    pair.while_served(async {
        assert_eq!(late.outcome().await.unwrap(), CommandOutcome::Expired);
        let CommandOutcome::Rejected(reason) = pair.sent(TOO_MANY).await.outcome().await.unwrap()
        else {
            panic!("a rule is broken")
        };
        assert_eq!(reason, "there are not so many seats");
        let CommandOutcome::Dead(reason) = pair.sent(BROKEN).await.outcome().await.unwrap() else {
            panic!("it fails each time")
        };
        assert_eq!(reason, "the printer is broken");
        let waiting = scheduled.outcome();
        let cancelling = ScheduledMessages::of(&pair.serves.domain);
        let (outcome, cancelled) = tokio::join!(waiting, cancelling.cancel(scheduled.id()));
        assert_eq!(cancelled.unwrap(), Cancellation::Cancelled);
        assert_eq!(outcome.unwrap(), CommandOutcome::Cancelled);
    })
    .await;
    // With an idempotency key, the error has the reason and says when the key is free again.
    pair.while_served(async {
        let keyed = domain.process(book(TOO_MANY)).idempotency_key("k");
        let keyed = keyed.receipt().await.unwrap();
        assert!(matches!(keyed.outcome().await.unwrap(), CommandOutcome::Rejected(_)));
        let again = domain.process(book(TOO_MANY)).idempotency_key("k").synchronous().await;
        let told = again.unwrap_err();
        assert!(told.is_conflict() && told.to_string().contains("was rejected: there"), "{told}");
    })
    .await;
    pair.asks.assert_closes().await;
}

async fn a_replayed_command_has_its_outcome_anew(on: On) {
    let pair = Pair::on(on);
    let receipt = pair.sent(BROKEN).await;
    pair.while_served(async {
        assert!(matches!(receipt.outcome().await.unwrap(), CommandOutcome::Dead(_)));
    })
    .await;
    let groups = pair.asks.domain.groups();
    let group = groups.iter().find(|group| *group.name == *"harness.TicketCommands").unwrap();
    let letters = DeadLetters::of(&pair.asks.domain, group).await.unwrap();
    let letter = letters.page(0, 1).await.unwrap().remove(0);
    assert!(letters.replay(&letter).await.unwrap());
    assert_eq!(receipt.outcome_so_far().await.unwrap(), None);
    pair.while_served(async {
        assert!(matches!(receipt.outcome().await.unwrap(), CommandOutcome::Dead(_)));
    })
    .await;
}

async fn a_bulk_command_has_an_outcome(on: On) {
    let pair = Pair::on(on);
    let bulk = |seats| {
        let sent = pair.asks.domain.process(book(seats)).priority(Priority::BULK);
        sent.keep_outcome().receipt()
    };
    let (handled, refused) = (bulk(3).await.unwrap(), bulk(TOO_MANY).await.unwrap());
    pair.while_served(async {
        assert_eq!(handled.outcome().await.unwrap(), CommandOutcome::Handled(3));
        assert!(matches!(refused.outcome().await.unwrap(), CommandOutcome::Rejected(_)));
    })
    .await;
}

async fn an_outcome_that_is_not_kept_is_refused_at_once(on: On) {
    let harness = Harness::with(on, tickets);
    let receipt = harness.domain.process(book(1)).receipt().await.unwrap();
    let refused = receipt.outcome().await.unwrap_err();
    assert!(refused.is_misuse() && refused.to_string().contains("`keep_outcome()`"), "{refused}");
    let of_another = Receipt::<crate::tallies::Add>::of(&harness.domain, receipt.id()).await;
    assert!(of_another.unwrap_err().is_misuse());
    let unknown = Receipt::<Book>::of(&harness.domain, &"nobody".into()).await;
    assert!(unknown.unwrap_err().is_not_found());
}

/// A clock that the test sets.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicI64>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// Tickets whose outcomes are kept for 100 seconds, or 10.
fn with_a_clock(on: On) -> (Harness, Hand) {
    let (hand, ttl) = (Hand::default(), "[idempotency]\nttl = 100\nerror_ttl = 10\n");
    let clock = hand.clone();
    (Harness::configured(on, ttl, |builder| tickets(builder).clock(clock)), hand)
}

async fn an_outcome_is_forgotten_when_its_time_is_over(on: On) {
    let (harness, hand) = with_a_clock(on);
    let sent = async |domain: &Domain, key: Option<&str>| {
        let sent = domain.process(book(TOO_MANY)).keep_outcome();
        let sent = match key {
            Some(key) => sent.idempotency_key(key),
            None => sent,
        };
        sent.receipt().await.unwrap()
    };
    let (own, keyed) = (sent(&harness.domain, None).await, sent(&harness.domain, Some("k")).await);
    harness.drain().await;
    hand.0.store(11_000_000, Ordering::Relaxed);
    // Once the key is free, another command takes it.
    let other = sent(&harness.domain, Some("k")).await;
    assert_ne!(other.id(), keyed.id());
    let gone = keyed.outcome().await.unwrap_err();
    assert!(gone.is_not_found() && gone.to_string().contains("not kept any more"), "{gone}");
    let store = harness.domain.store().await.unwrap();
    store.sweep(harness.domain.clock().now(), 9).await.unwrap();
    assert!(
        matches!(own.outcome().await.unwrap(), CommandOutcome::Rejected(_)),
        "for the whole ttl"
    );
    hand.0.store(101_000_000, Ordering::Relaxed);
    assert_eq!(store.sweep(harness.domain.clock().now(), 9).await.unwrap(), 1);
    assert!(own.outcome().await.unwrap_err().is_not_found());
}

async fn a_cancelled_command_keeps_its_outcome_for_its_time(on: On) {
    let (harness, hand) = with_a_clock(on);
    hand.0.store(1_000_000, Ordering::Relaxed);
    let (domain, later) = (&harness.domain, Duration::from_secs(3600));
    let own = domain.process(book(1)).keep_outcome().after(later).receipt().await.unwrap();
    let keyed = || domain.process(book(1)).idempotency_key("k").after(later).receipt();
    let first = keyed().await.unwrap();
    for receipt in [&own, &first] {
        let cancelled = ScheduledMessages::of(domain).cancel(receipt.id()).await.unwrap();
        assert_eq!(cancelled, Cancellation::Cancelled);
        assert_eq!(receipt.outcome().await.unwrap(), CommandOutcome::Cancelled);
    }
    // The key of the sender is free at once.
    assert_ne!(keyed().await.unwrap().id(), first.id());
    assert!(first.outcome().await.unwrap_err().is_not_found());
    let store = domain.store().await.unwrap();
    for (seconds, swept) in [(100, 0), (101, 1)] {
        assert_eq!(own.outcome().await.unwrap(), CommandOutcome::Cancelled);
        hand.0.store(seconds * 1_000_000, Ordering::Relaxed);
        assert_eq!(store.sweep(domain.clock().now(), 9).await.unwrap(), swept);
    }
    assert!(own.outcome().await.unwrap_err().is_not_found());
}

async fn the_outcome_of_a_command_that_was_handled_at_once(on: On) {
    let config = |base: String| format!("command_processing = \"sync\"\n{base}");
    let harness = Harness::rewritten(on, config, tickets);
    let domain = &harness.domain;
    let receipt = domain.process(book(4)).keep_outcome().receipt().await.unwrap();
    assert_eq!(receipt.outcome().await.unwrap(), CommandOutcome::Handled(4));
    assert!(domain.process(book(TOO_MANY)).keep_outcome().receipt().await.is_err());
    let keyed = domain.process(book(4)).idempotency_key("k").receipt().await.unwrap();
    let again = domain.process(book(4)).idempotency_key("k").receipt().await.unwrap();
    assert_eq!(
        (again.id(), again.outcome().await.unwrap()),
        (keyed.id(), CommandOutcome::Handled(8))
    );
    let waiting = keyed.caught_up::<TicketRow>().within(Duration::from_millis(50)).await;
    assert!(waiting.unwrap_err().to_string().contains("Booked harness::ticket-t-1-1 is not"));
    harness.drain().await;
    keyed.caught_up::<TicketRow>().within(Duration::from_millis(500)).await.unwrap();
}

async fn an_identity_is_the_same_each_time_its_message_is_handled(on: On) {
    let booking = Booking::default();
    let made = Arc::clone(&booking.0);
    let harness = Harness::with(on, |builder| builder.aggregate::<Ticket>().register(booking));
    harness.domain.process(book(BROKEN)).asynchronous().await.unwrap();
    harness.domain.process(book(BROKEN)).asynchronous().await.unwrap();
    harness.drain().await;
    let made = made.lock().unwrap();
    let mut distinct = made.clone();
    distinct.sort();
    distinct.dedup();
    // Two of each command, in each of three tries.
    assert_eq!((made.len(), distinct.len()), (12, 4), "{made:?}");
}
