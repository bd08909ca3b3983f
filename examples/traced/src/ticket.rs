//! Tickets: their events, commands and handlers.

use protean::prelude::{Context, Handled, Id, Result, Root};
use protean::{
    aggregate, aggregate_impl, command, command_handler, event, event_handler, external_event,
    projection, projector, subscriber,
};
use tracing::info_span;

/// A customer needs help.
#[event(part_of = Ticket)]
pub struct TicketOpened {
    pub ticket_id: Id,
    pub title: String,
}

/// A ticket was assigned to its solver.
#[event(part_of = Ticket)]
pub struct TicketAssigned {
    pub ticket_id: Id,
    pub solver: String,
}

/// Opens a ticket.
#[command(part_of = Ticket)]
pub struct OpenTicket {
    #[field(identifier)]
    pub ticket_id: Id,
    #[field(max_length = 200, blank = false)]
    pub title: String,
}

/// Assigns a ticket to somebody.
#[command(part_of = Ticket)]
pub struct AssignTicket {
    #[field(identifier)]
    pub ticket_id: Id,
    pub solver: String,
}

/// What a customer needs help with.
#[aggregate(event_sourced, commands(OpenTicket, AssignTicket))]
pub struct Ticket {
    root: Root<Ticket>,
    #[field(max_length = 200, blank = false)]
    pub title: String,
    pub solver: Option<String>,
}

#[aggregate_impl]
impl Ticket {
    pub fn open(OpenTicket { ticket_id, title }: OpenTicket) -> Result<Self> {
        let mut ticket = Self::create_with(ticket_id);
        let ticket_id = ticket.id();
        ticket.raise(TicketOpened { ticket_id, title })?;
        Ok(ticket)
    }

    pub fn assign(&mut self, solver: String) -> Result {
        self.raise(TicketAssigned { ticket_id: self.id(), solver })
    }

    #[apply]
    fn on_opened(&mut self, event: &TicketOpened) {
        self.title.clone_from(&event.title);
    }

    #[apply]
    fn on_assigned(&mut self, event: &TicketAssigned) {
        self.solver = Some(event.solver.clone());
    }
}

/// Handles the commands of tickets.
pub struct TicketCommandHandler;

#[command_handler(part_of = Ticket)]
impl TicketCommandHandler {
    #[handle]
    async fn open(&self, command: OpenTicket, ctx: &Context) -> Result {
        ctx.repository::<Ticket>().add(Ticket::open(command)?).await
    }

    #[handle]
    async fn assign(&self, command: AssignTicket, ctx: &Context) -> Result {
        let tickets = ctx.repository::<Ticket>();
        let mut ticket = tickets.get(&command.ticket_id).await?;
        ticket.assign(command.solver)?;
        tickets.add(ticket).await
    }
}

/// Greets the customer.
pub struct Greeter;

#[event_handler(part_of = Ticket, start_from = "beginning")]
impl Greeter {
    #[handle]
    async fn greet(&self, event: TicketOpened) -> Handled {
        // A span of one's own is below that of the handler.
        info_span!("greeting").in_scope(|| tracing::info!(ticket = %event.ticket_id, "greeted"));
        Ok(())
    }
}

/// A line of the list of tickets.
#[projection]
pub struct TicketList {
    #[field(identifier)]
    pub ticket_id: Id,
    pub title: String,
    pub solver: Option<String>,
}

/// Keeps the list.
pub struct TicketListProjector;

#[projector(projection = TicketList)]
impl TicketListProjector {
    #[on]
    async fn opened(&self, event: TicketOpened, ctx: &Context) -> Result {
        let TicketOpened { ticket_id, title } = event;
        ctx.repository::<TicketList>().add(TicketList { ticket_id, title, solver: None }).await
    }

    #[on]
    async fn assigned(&self, event: TicketAssigned, ctx: &Context) -> Result {
        let mut line = ctx.repository::<TicketList>().get(&event.ticket_id).await?;
        line.solver = Some(event.solver);
        ctx.repository::<TicketList>().add(line).await
    }
}

/// The service in Python has found a solver.
#[external_event(name = "Triage.CaseAssigned")]
pub struct CaseAssigned {
    pub ticket_id: Id,
    pub solver: String,
}

/// Takes what the service in Python publishes.
pub struct Triage;

#[subscriber(stream = "triage::case")]
impl Triage {
    #[on]
    async fn assigned(&self, event: CaseAssigned, ctx: &Context) -> Handled {
        let CaseAssigned { ticket_id, solver } = event;
        ctx.process(AssignTicket { ticket_id, solver })?;
        Ok(())
    }
}
