//! Process managers, synchronously and in memory.

use protean::model::ProcessManager;
use protean::prelude::*;
use protean::{
    Manages, React, RegisterProcess, Registry, aggregate, aggregate_impl, command, command_handler,
    event, process_manager, process_manager_impl,
};

#[event(part_of = Ticket)]
struct TicketSold {
    ticket_id: Id,
    seat: u32,
}

#[event(part_of = Ticket)]
struct TicketReturned {
    ticket_id: Id,
    refund_to: Option<String>,
}

#[event(part_of = Seat)]
struct SeatTaken {
    seat: u32,
    ticket: Id,
}

#[command(part_of = Ticket)]
struct SellTicket {
    #[field(identifier)]
    ticket_id: Id,
    seat: u32,
}

#[command(part_of = Ticket)]
struct ReturnTicket {
    #[field(identifier)]
    ticket_id: Id,
    refund_to: Option<String>,
}

#[command(part_of = Seat)]
struct TakeSeat {
    #[field(identifier)]
    seat: String,
    ticket: Id,
}

#[command(part_of = Seat)]
struct FreeSeat {
    #[field(identifier)]
    seat: String,
}

#[aggregate(commands(SellTicket, ReturnTicket))]
struct Ticket {
    root: Root<Ticket>,
}

#[aggregate_impl]
impl Ticket {}

struct Tickets;

#[command_handler(part_of = Ticket)]
impl Tickets {
    #[handle]
    async fn sell(&self, command: SellTicket, ctx: &Context) -> Handled {
        let SellTicket { ticket_id, seat } = command;
        let mut ticket = Ticket { root: Root::with_id(ticket_id.clone()) };
        ticket.raise(TicketSold { ticket_id, seat })?;
        Ok(ctx.repository::<Ticket>().add(ticket).await?)
    }

    #[handle]
    async fn give_back(&self, command: ReturnTicket, ctx: &Context) -> Handled {
        let ReturnTicket { ticket_id, refund_to } = command;
        let mut ticket = ctx.repository::<Ticket>().get(&ticket_id).await?;
        ticket.raise(TicketReturned { ticket_id, refund_to })?;
        Ok(ctx.repository::<Ticket>().add(ticket).await?)
    }
}

#[aggregate(commands(TakeSeat, FreeSeat))]
struct Seat {
    root: Root<Seat>,
    taken_by: Option<Id>,
}

#[aggregate_impl]
impl Seat {}

struct Seats;

#[command_handler(part_of = Seat)]
impl Seats {
    #[handle]
    async fn take(&self, command: TakeSeat, ctx: &Context) -> Handled {
        let TakeSeat { seat, ticket } = command;
        let seats = ctx.repository::<Seat>();
        let id = Id::from(seat);
        let found = seats.find(&id).await?;
        let mut taken =
            found.unwrap_or_else(|| Seat { root: Root::with_id(id.clone()), taken_by: None });
        if let Some(other) = &taken.taken_by {
            return Err(Failure::rejected(format!("seat {id} is taken by {other}")));
        }
        taken.taken_by = Some(ticket.clone());
        let seat = id.as_str().parse().map_err(|_| Failure::rejected("a seat is a number"))?;
        taken.raise(SeatTaken { seat, ticket })?;
        Ok(seats.add(taken).await?)
    }

    #[handle]
    async fn free(&self, command: FreeSeat, ctx: &Context) -> Handled {
        let seats = ctx.repository::<Seat>();
        let mut seat = seats.get(&command.seat.into()).await?;
        seat.taken_by = None;
        Ok(seats.add(seat).await?)
    }
}

/// Takes a seat for each ticket.
#[process_manager]
struct Seating {
    root: Root<Seating>,
    #[field(default = "waiting")]
    status: String,
    seat: u32,
}

#[process_manager_impl]
impl Seating {
    #[on(start, by = ticket_id)]
    async fn sold(&mut self, event: TicketSold, ctx: &Context) -> Handled {
        self.seat = event.seat;
        ctx.process(TakeSeat { seat: event.seat.to_string(), ticket: event.ticket_id })?;
        Ok(())
    }

    #[on(by = ticket)]
    async fn taken(&mut self, event: SeatTaken) -> Handled {
        assert_eq!(event.seat, self.seat);
        self.status = "seated".to_owned();
        Ok(())
    }

    #[on(by = ticket_id)]
    async fn returned(&mut self, event: TicketReturned, ctx: &Context) -> Handled {
        if event.refund_to.as_deref() == Some("nobody") {
            return Err(Failure::rejected("nobody gets nothing"));
        }
        if self.status == "seated" {
            ctx.process(FreeSeat { seat: self.seat.to_string() })?;
        }
        self.status = "returned".to_owned();
        self.complete();
        Ok(())
    }

    #[on(late, by = ticket)]
    async fn taken_too_late(&mut self, event: SeatTaken, ctx: &Context) -> Handled {
        self.status = "freed".to_owned();
        ctx.process(FreeSeat { seat: event.seat.to_string() })?;
        Ok(())
    }
}

fn theatre() -> Domain {
    let theatre = protean::domain("theatre").aggregate::<Ticket>().register(Tickets);
    let theatre = theatre.aggregate::<Seat>().register(Seats);
    theatre.register(Seating::manager()).in_memory().build().unwrap()
}

async fn process(theatre: &Domain, id: &str) -> Option<Seating> {
    theatre.repository::<Seating>().await.unwrap().find(&id.into()).await.unwrap()
}

async fn sell(theatre: &Domain, ticket: &str, seat: u32) {
    let command = SellTicket { ticket_id: ticket.into(), seat };
    theatre.process(command).synchronous().await.unwrap();
}

async fn give_back(theatre: &Domain, ticket: &str, refund_to: Option<&str>) -> Result {
    let refund_to = refund_to.map(str::to_owned);
    let command = ReturnTicket { ticket_id: ticket.into(), refund_to };
    theatre.process(command).synchronous().await.map(drop)
}

async fn taken_by(theatre: &Domain, seat: u32) -> Option<Id> {
    let seats = theatre.repository::<Seat>().await.unwrap();
    seats.get(&seat.to_string().into()).await.unwrap().taken_by
}

#[tokio::test]
async fn a_process_follows_its_events_over_several_aggregates() {
    let theatre = theatre();
    sell(&theatre, "a", 1).await;
    sell(&theatre, "b", 2).await;
    let seating = process(&theatre, "a").await.unwrap();
    assert_eq!((seating.status.as_str(), seating.seat), ("seated", 1));
    assert!(!seating.is_complete());
    give_back(&theatre, "a", None).await.unwrap();
    let seating = process(&theatre, "a").await.unwrap();
    assert_eq!((seating.status.as_str(), seating.is_complete()), ("returned", true));
    assert_eq!(taken_by(&theatre, 1).await, None);
    assert_eq!(taken_by(&theatre, 2).await, Some("b".into()), "the other process goes on");
}

#[tokio::test]
async fn what_comes_after_the_end_is_late() {
    let theatre = theatre();
    sell(&theatre, "a", 1).await;
    give_back(&theatre, "a", None).await.unwrap();
    let take = TakeSeat { seat: "3".into(), ticket: "a".into() };
    theatre.process(take).synchronous().await.unwrap();
    assert_eq!(process(&theatre, "a").await.unwrap().status, "freed");
    assert_eq!(taken_by(&theatre, 3).await, None, "it was given back");
    sell(&theatre, "b", 1).await;
    give_back(&theatre, "b", None).await.unwrap();
    give_back(&theatre, "b", None).await.unwrap();
    assert_eq!(process(&theatre, "b").await.unwrap().status, "returned", "nobody asked for it");
}

#[tokio::test]
async fn an_event_of_a_process_that_never_began_is_ignored() {
    let theatre = theatre();
    let take = TakeSeat { seat: "3".into(), ticket: "elsewhere".into() };
    theatre.process(take).synchronous().await.unwrap();
    assert!(process(&theatre, "elsewhere").await.is_none());
    assert_eq!(taken_by(&theatre, 3).await, Some("elsewhere".into()));
}

#[tokio::test]
async fn what_fails_changes_nothing() {
    let theatre = theatre();
    sell(&theatre, "a", 1).await;
    let failed = give_back(&theatre, "a", Some("nobody")).await.unwrap_err();
    assert!(failed.to_string().contains("nobody gets nothing"), "{failed}");
    let seating = process(&theatre, "a").await.unwrap();
    assert_eq!((seating.status.as_str(), seating.is_complete()), ("seated", false));
    // The next waits behind it, as in every stream.
    give_back(&theatre, "a", None).await.unwrap();
    assert_eq!(process(&theatre, "a").await.unwrap().status, "seated");
}

#[tokio::test]
async fn what_a_process_issues_has_the_priority_that_it_began_with() {
    let theatre = theatre();
    let sold = SellTicket { ticket_id: "a".into(), seat: 1 };
    theatre.process(sold).priority(Priority::LOW).synchronous().await.unwrap();
    let returned = ReturnTicket { ticket_id: "a".into(), refund_to: None };
    theatre.process(returned).synchronous().await.unwrap();
    let store = theatre.store().await.unwrap();
    let stream = protean::message::Category::named("theatre::seat:command").stream(&"1".into());
    let commands = store.stream(&stream, 0, 10).await.unwrap();
    let priorities: Vec<Priority> = commands.iter().map(|of| of.message.priority).collect();
    assert_eq!(priorities, [Priority::LOW, Priority::LOW]);
}

#[process_manager]
struct Clumsy {
    root: Root<Clumsy>,
}

impl React<TicketSold> for Clumsy {
    const BY: &'static [&'static str] = &["ticket"];

    async fn react(&mut self, _: TicketSold, _: &Context) -> Handled {
        Ok(())
    }
}

impl RegisterProcess for Clumsy {
    fn register(registry: &mut Registry) {
        registry.process_manager::<Self>().starts::<TicketSold>().on::<TicketSold>();
    }
}

#[test]
fn what_cannot_work_is_a_fault_of_the_build() {
    assert!(!Clumsy::begin(Root::new()).is_complete());
    let built = protean::domain("theatre").aggregate::<Ticket>().register(Tickets);
    let built = built
        .register(Manages::<Clumsy>::new())
        .config("[server.subscriptions.Clumsy]\nordering = \"none\"\n");
    let faults = built.in_memory().build().err().unwrap().to_string();
    for expected in [
        "by the field 'ticket', which TicketSold does not have: use one of 'ticket_id', 'seat'",
        "Clumsy reacts to TicketSold twice",
        "the process manager Clumsy: it takes the events of each process in their order",
    ] {
        assert!(faults.contains(expected), "{expected}: {faults}");
    }
}
