//! Tickets: commands that end in each way, a projection of them, and a caller beside a server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protean::{
    Context, DomainBuilder, Error, Failure, Handled, Id, Receipt, Root, aggregate, aggregate_impl,
    command, command_handler, event, projection, projector,
};

use crate::harness::{Harness, On};

#[event(part_of = Ticket)]
pub(crate) struct Booked {
    ticket: Id,
    pub(crate) seats: i64,
}

#[command(part_of = Ticket, returns = i64)]
pub(crate) struct Book {
    #[field(identifier)]
    pub(crate) ticket: Id,
    pub(crate) seats: i64,
}

#[aggregate(event_sourced, fact_events, commands(Book))]
pub(crate) struct Ticket {
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
pub(crate) const TOO_MANY: i64 = 1000;
/// Fails each time.
pub(crate) const BROKEN: i64 = 13;
/// The projector fails on it.
pub(crate) const UNREADABLE: i64 = 77;

/// The identities created in failing attempts.
#[derive(Clone, Default)]
pub(crate) struct Booking(pub(crate) Arc<Mutex<Vec<Id>>>);

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
pub(crate) struct TicketRow {
    #[field(identifier)]
    ticket: Id,
    pub(crate) seats: i64,
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

pub(crate) fn tickets(builder: DomainBuilder) -> DomainBuilder {
    builder.aggregate::<Ticket>().register(Booking::default()).register(TicketProjector)
}

/// A sender and a server, in separate processes unless the store is in memory.
pub(crate) struct Pair {
    pub(crate) asks: Harness,
    pub(crate) serves: Harness,
    is_done: AtomicBool,
}

impl Pair {
    pub(crate) fn on(on: On) -> Self {
        Self::with(on, tickets)
    }

    pub(crate) fn with(on: On, more: fn(DomainBuilder) -> DomainBuilder) -> Self {
        let asks = Harness::with(on, more);
        let serves = match on {
            On::Memory => asks.same(),
            _ => asks.sibling_of(more),
        };
        Self { asks, serves, is_done: AtomicBool::new(false) }
    }

    /// Runs `work` while the server runs.
    pub(crate) async fn while_served<T>(&self, work: impl Future<Output = T>) -> T {
        self.is_done.store(false, Ordering::Relaxed);
        let work = async {
            let done = tokio::time::timeout(Duration::from_secs(120), work).await;
            self.is_done.store(true, Ordering::Relaxed);
            done.expect("the waiting caller has not heard")
        };
        let serving = self.serves.serve_until(async || self.is_done.load(Ordering::Relaxed));
        tokio::join!(work, serving).0
    }

    pub(crate) async fn sent(&self, seats: i64) -> Receipt<Book> {
        self.asks.domain.process(book(seats)).keep_outcome().receipt().await.unwrap()
    }
}

pub(crate) fn book(seats: i64) -> Book {
    Book { ticket: "t-1".into(), seats }
}
