//! A helpdesk: tickets are opened over HTTP, and a service in Python assigns them.
//!
//! No handler mentions traces: what it does is in the trace of its message, and so is what it
//! causes.

pub mod http;
#[expect(missing_docs, reason = "the fields and methods are the helpdesk's own words")]
pub mod ticket;

use protean::DomainBuilder;

use ticket::{Greeter, Ticket, TicketCommandHandler, TicketListProjector, Triage};

/// The helpdesk, as its `domain.toml` sets it up.
pub fn domain() -> DomainBuilder {
    protean::domain("helpdesk")
        .config(include_str!("../domain.toml"))
        .aggregate::<Ticket>()
        .register(TicketCommandHandler)
        .register(Greeter)
        .register(TicketListProjector)
        .register(Triage)
}
