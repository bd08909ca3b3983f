//! Command outcomes and reading your own writes: one process asks, another one handles.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use protean::message::Timestamp;
use protean::port::Clock;
use protean::{
    Cancellation, CommandOutcome, Context, Domain, DomainBuilder, Error, Failure, Handled, Id,
    Receipt, Root, ScheduledMessages, aggregate, aggregate_impl, command, command_handler, event,
    projection, projector,
};
use protean_engine::DeadLetters;

use crate::harness::{Harness, On};
use crate::{on_every_stack, on_every_store};

on_every_stack! {
    an_outcome_is_told_to_another_process
    each_way_to_end_is_told_with_its_reason
    a_replayed_command_has_its_outcome_anew
    a_reader_sees_what_it_wrote
    a_reader_hears_of_a_command_that_fails
    a_reader_waits_no_longer_than_it_says
    a_projector_that_gives_up_is_told_to_the_reader
}

on_every_store! {
    an_outcome_that_is_not_kept_is_refused_at_once
    an_outcome_is_forgotten_when_its_time_is_over
    the_outcome_of_a_command_that_was_handled_at_once
    an_identity_is_the_same_each_time_its_message_is_handled
}

#[event(part_of = Ticket)]
struct Booked {
    ticket: Id,
    seats: i64,
}

#[command(part_of = Ticket, returns = i64)]
struct Book {
    #[field(identifier)]
    ticket: Id,
    seats: i64,
}

#[aggregate(event_sourced, commands(Book))]
struct Ticket {
    root: Root<Ticket>,
    #[field(default = 0)]
    seats: i64,
}

#[aggregate_impl]
impl Ticket {
    #[apply]
    fn on_booked(&mut self, event: &Booked) {
        self.seats += event.seats;
    }
}

/// The handler rejects it.
const TOO_MANY: i64 = 1000;
/// Fails each time.
const BROKEN: i64 = 13;
/// The projector fails on it.
const UNREADABLE: i64 = 77;

/// The identities created in failing attempts.
#[derive(Clone, Default)]
struct Booking(Arc<Mutex<Vec<Id>>>);

#[command_handler(part_of = Ticket)]
impl Booking {
    #[handle]
    async fn book(&self, command: Book, ctx: &Context) -> Handled<i64> {
        match command.seats {
            TOO_MANY => return Err(Failure::rejected("there are not so many seats")),
            BROKEN => {
                self.0.lock().unwrap().extend([ctx.new_id()?, ctx.new_id()?]);
                return Err(Error::failed("the printer is broken").into());
            }
            // The log does not show it.
            0 => return Ok(0),
            _ => {}
        }
        let tickets = ctx.repository::<Ticket>();
        let found = tickets.find(&command.ticket).await?;
        let mut ticket = found.unwrap_or_else(|| Ticket::create_with(command.ticket));
        ticket.raise(Booked { ticket: ticket.id(), seats: command.seats })?;
        let seats = ticket.seats;
        tickets.add(ticket).await?;
        Ok(seats)
    }
}

#[projection]
struct TicketRow {
    #[field(identifier)]
    ticket: Id,
    seats: i64,
}

struct TicketProjector;

#[projector(projection = TicketRow)]
impl TicketProjector {
    #[on]
    async fn on_booked(&self, event: Booked, ctx: &Context) -> Handled {
        if event.seats == UNREADABLE {
            return Err(Failure::rejected("no row has so many seats"));
        }
        let rows = ctx.repository::<TicketRow>();
        let before = rows.find(&event.ticket).await?.map_or(0, |row| row.seats);
        let seats = before + event.seats;
        Ok(rows.add(TicketRow { ticket: event.ticket, seats }).await?)
    }
}

fn tickets(builder: DomainBuilder) -> DomainBuilder {
    builder.aggregate::<Ticket>().register(Booking::default()).register(TicketProjector)
}

/// A sender and a server, in separate processes unless the store is in memory.
struct Pair {
    asks: Harness,
    serves: Harness,
    is_done: AtomicBool,
}

impl Pair {
    fn on(on: On) -> Self {
        let asks = Harness::with(on, tickets);
        let serves = match on {
            On::Memory => asks.same(),
            _ => asks.sibling_of(tickets),
        };
        Self { asks, serves, is_done: AtomicBool::new(false) }
    }

    /// Runs `work` while the server runs.
    async fn while_served<T>(&self, work: impl Future<Output = T>) -> T {
        self.is_done.store(false, Ordering::Relaxed);
        let work = async {
            let done = tokio::time::timeout(Duration::from_secs(120), work).await;
            self.is_done.store(true, Ordering::Relaxed);
            done.expect("no notice woke the waiting caller")
        };
        let serving = self.serves.serve_until(async || self.is_done.load(Ordering::Relaxed));
        tokio::join!(work, serving).0
    }

    async fn sent(&self, seats: i64) -> Receipt<Book> {
        self.asks.domain.process(book(seats)).keep_outcome().receipt().await.unwrap()
    }
}

fn book(seats: i64) -> Book {
    Book { ticket: "t-1".into(), seats }
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
        // A caller that only polls would need a second for each.
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

async fn a_reader_sees_what_it_wrote(on: On) {
    let pair = Pair::on(on);
    let rows = pair.asks.domain.repository::<TicketRow>().await.unwrap();
    pair.while_served(async {
        let receipt = pair.asks.domain.process(book(1)).receipt().await.unwrap();
        receipt.caught_up::<TicketRow>().within(Duration::from_secs(60)).await.unwrap();
        let began = Instant::now();
        for seats in 2..=9 {
            // It keeps no outcome and does not need one.
            let receipt = pair.asks.domain.process(book(1)).receipt().await.unwrap();
            let caught_up = receipt.caught_up::<TicketRow>();
            caught_up.within(Duration::from_secs(60)).await.unwrap();
            assert_eq!(rows.get(&"t-1".into()).await.unwrap().seats, seats);
        }
        // A caller that only polls would need a second or two for each.
        assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
        // It also waits for a scheduled command.
        let later = pair.asks.domain.process(book(1)).after(Duration::from_millis(300));
        let later = later.receipt().await.unwrap();
        let caught_up = later.caught_up::<TicketRow>();
        caught_up.within(Duration::from_secs(60)).await.unwrap();
        assert_eq!(rows.get(&"t-1".into()).await.unwrap().seats, 10);
    })
    .await;
}

async fn a_reader_hears_of_a_command_that_fails(on: On) {
    let pair = Pair::on(on);
    let domain = &pair.asks.domain;
    pair.while_served(async {
        let dead = domain.process(book(TOO_MANY)).receipt().await.unwrap();
        let failed = dead.caught_up::<TicketRow>().within(Duration::from_secs(60));
        let failed = failed.await.unwrap_err();
        assert!(
            failed.is_failure() && failed.to_string().contains("not so many seats"),
            "{failed}"
        );
        let late = domain.process(book(1)).keep_outcome().timeout(Duration::from_nanos(1));
        let late = late.receipt().await.unwrap();
        let failed = late.caught_up::<TicketRow>().within(Duration::from_secs(60)).await;
        let failed = failed.unwrap_err();
        assert!(failed.to_string().ends_with("came after its deadline"), "{failed}");
    })
    .await;
}

async fn a_reader_waits_no_longer_than_it_says(on: On) {
    let pair = Pair::on(on);
    let receipt = pair.sent(1).await;
    let began = Instant::now();
    let caught_up = receipt.caught_up::<TicketRow>().within(Duration::from_millis(200));
    let late = caught_up.await.unwrap_err();
    assert!(late.is_unavailable(), "{late}");
    let expected =
        format!("has not caught up with Book {0} within 200ms: Book {0} is", receipt.id());
    assert!(late.to_string().contains(&expected), "{late}");
    assert!(began.elapsed() >= Duration::from_millis(200));
    // A wait does not consume the notice: the next one gets it too.
    let whole = pair.while_served(async {
        receipt.caught_up::<TicketRow>().within(Duration::from_secs(60)).await
    });
    whole.await.unwrap();
    let unkept = receipt.caught_up::<crate::tallies::Sum>().await;
    unkept.unwrap();
}

async fn a_projector_that_gives_up_is_told_to_the_reader(on: On) {
    let pair = Pair::on(on);
    let receipt = pair.sent(UNREADABLE).await;
    let ended = pair.while_served(async {
        receipt.caught_up::<TicketRow>().within(Duration::from_secs(60)).await
    });
    let told = ended.await.unwrap_err().to_string();
    assert!(told.contains("TicketProjector has given up Booked"), "{told}");
    assert!(told.contains("no row has so many seats"), "{told}");
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

async fn an_outcome_is_forgotten_when_its_time_is_over(on: On) {
    let (hand, ttl) = (Hand::default(), "[idempotency]\nttl = 100\nerror_ttl = 10\n");
    let clock = hand.clone();
    let harness = Harness::configured(on, ttl, |builder| tickets(builder).clock(clock));
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
