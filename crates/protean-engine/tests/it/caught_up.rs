//! Reading what one has written: a caller waits for a projection that another process keeps.

use std::time::{Duration, Instant};

use protean::{Context, Handled, Id, event_handler, projection, projector};

use crate::harness::{Harness, On};
use crate::tickets::{
    Book, Booked, Pair, TOO_MANY, Ticket, TicketFactEvent, TicketRow, UNREADABLE, book, tickets,
};
use crate::{on_every_stack, on_every_store};

on_every_stack! {
    a_reader_sees_what_it_wrote
    a_reader_hears_of_a_command_that_fails
    a_reader_waits_no_longer_than_it_says
    a_reader_does_not_wait_for_later_effects
    a_projection_that_no_projector_keeps_is_refused
    a_projector_that_gives_up_is_told_to_the_reader
}

on_every_store! {
    a_reader_waits_for_facts
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
        // A caller that looks seldom would need a second or two for each.
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
    // What has timed out can be asked again.
    let whole = pair.while_served(async {
        receipt.caught_up::<TicketRow>().within(Duration::from_secs(60)).await
    });
    whole.await.unwrap();
}

#[projection]
struct Unkept {
    #[field(identifier)]
    ticket: Id,
}

async fn a_projection_that_no_projector_keeps_is_refused(on: On) {
    let pair = Pair::on(on);
    let refused = pair.sent(1).await.caught_up::<Unkept>().await.unwrap_err();
    let expected = "no projector of this program keeps Unkept";
    assert!(refused.is_misuse() && refused.to_string().contains(expected), "{refused}");
}

#[projection]
struct Standing {
    #[field(identifier)]
    ticket: Id,
}

struct StandingProjector;

#[projector(projection = Standing)]
impl StandingProjector {
    #[on]
    async fn on_fact(&self, fact: TicketFactEvent, ctx: &Context) -> Handled {
        Ok(ctx.repository::<Standing>().add(Standing { ticket: fact.id }).await?)
    }
}

async fn a_reader_waits_for_facts(on: On) {
    let config = |base: String| format!("command_processing = \"sync\"\n{base}");
    let more = |builder| tickets(builder).register(StandingProjector);
    let harness = Harness::rewritten(on, config, more);
    for version in 0..2 {
        let receipt = harness.domain.process(book(1)).receipt().await.unwrap();
        let waiting = receipt.caught_up::<Standing>().within(Duration::from_millis(300)).await;
        let waiting = waiting.unwrap_err().to_string();
        let expected = format!("TicketFactEvent harness::ticket-fact-t-1-{version} is not");
        assert!(waiting.contains(&expected), "{waiting}");
        harness.drain().await;
        receipt.caught_up::<Standing>().await.unwrap();
    }
}

/// Books a ticket that the projector gives up, for each that is booked.
struct Rebooking;

#[event_handler(part_of = Ticket)]
impl Rebooking {
    #[handle]
    async fn on_booked(&self, event: Booked, ctx: &Context) -> Handled {
        if event.seats != UNREADABLE {
            ctx.process(Book { ticket: "t-2".into(), seats: UNREADABLE })?;
        }
        Ok(())
    }
}

async fn a_reader_does_not_wait_for_later_effects(on: On) {
    let pair = Pair::with(on, |builder| tickets(builder).register(Rebooking));
    let receipt = pair.sent(1).await;
    pair.serves.drain().await;
    receipt.caught_up::<TicketRow>().await.unwrap();
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
