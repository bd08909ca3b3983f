//! One ticket in one trace, from the HTTP request through log, Redis, handlers and Python.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use protean_test_servers::RedisServer;

use crate::collector::{Collector, Span};
use crate::helpdesk::{Helpdesk, await_that, post};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// The spans of the trace.
struct Trace(Vec<Span>);

impl Trace {
    fn of(collector: &Collector) -> Self {
        Self(collector.spans().into_iter().filter(|span| span.trace == TRACE).collect())
    }

    fn all(&self, name: &str, of: &[(&str, &str)]) -> Vec<&Span> {
        let is_it = |span: &&Span| {
            span.name == name && of.iter().all(|(key, value)| span.get(key) == *value)
        };
        self.0.iter().filter(is_it).collect()
    }

    /// Spans below one that is not there.
    fn lost(&self) -> Vec<&Span> {
        let known = |id: &str| id == CALLER || self.0.iter().any(|span| span.id == id);
        self.0.iter().filter(|span| !known(&span.parent)).collect()
    }

    /// The only one of this name with these attributes.
    #[track_caller]
    fn one(&self, name: &str, of: &[(&str, &str)]) -> &Span {
        let found = self.all(name, of);
        assert_eq!(found.len(), 1, "{name} {of:?} in {:#?}", self.0);
        found[0]
    }

    /// The handler of a subscription for a message of this type.
    #[track_caller]
    fn process(&self, handler: &str, of: &str) -> &Span {
        let is_it = |span: &&Span| {
            span.name.starts_with("process ")
                && span.get("messaging.consumer.group.name") == handler
                && span.get("protean.message.type") == of
        };
        let found: Vec<_> = self.0.iter().filter(is_it).collect();
        assert_eq!(found.len(), 1, "{handler} {of} in {:#?}", self.0);
        found[0]
    }
}

#[track_caller]
fn is_below(span: &Span, parent: &Span, kind: SpanKind) {
    assert_eq!((&span.parent, span.kind), (&parent.id, kind), "{span:#?} below {parent:#?}");
    assert!(!span.has_failed, "{span:#?}");
}

/// The ticket, until its assignment is in the list.
#[track_caller]
fn followed(collector: &Collector, said: impl Fn() -> String) -> Trace {
    let is_assigned = |span: &Span| {
        span.get("messaging.consumer.group.name") == "TicketListProjector"
            && span.get("protean.message.type") == "Helpdesk.TicketAssigned.v1"
    };
    let settled = |trace: &Trace| trace.all("settle helpdesk::ticket", &[]).len() >= 3;
    let is_whole = || {
        let trace = Trace::of(collector);
        trace.0.iter().any(is_assigned) && settled(&trace) && trace.lost().is_empty()
    };
    await_that(is_whole, || format!("{:#?}\n{}", Trace::of(collector).0, said()));
    Trace::of(collector)
}

#[test]
#[ignore = "needs Redis and Protean for Python: cargo xtask test"]
fn a_ticket_is_one_trace_through_http_log_redis_handlers_and_python() {
    let (collector, redis) = (Collector::start(), RedisServer::start(""));
    let helpdesk = Helpdesk::beside(&redis, collector.url());
    let (_helpdesk, at) = helpdesk.serve(&[]);
    let _triage = helpdesk.triage(&redis);
    assert!(post(at, &format!("00-{TRACE}-{CALLER}-01")).contains("202"), "{}", helpdesk.log());
    let said = || format!("{}\n{}", helpdesk.log(), helpdesk.read("triage.log"));
    let trace = followed(&collector, said);

    let request = trace.one("POST /tickets", &[]);
    assert_eq!((request.parent.as_str(), request.kind), (CALLER, SpanKind::Server));
    let own = [("messaging.system", "protean")];
    let sent = trace.one(
        "send helpdesk::ticket:command",
        &[own[0], ("protean.message.type", "Helpdesk.OpenTicket.v1")],
    );
    is_below(sent, request, SpanKind::Producer);
    let redis = ("messaging.system", "redis");
    let relayed = trace.all("send helpdesk::ticket:command", &[redis])[0];
    assert_eq!(relayed.kind, SpanKind::Client);
    assert!(!trace.all("receive helpdesk::ticket:command", &[redis]).is_empty());

    let opening = trace.process("TicketCommandHandler", "Helpdesk.OpenTicket.v1");
    is_below(opening, sent, SpanKind::Consumer);
    assert_eq!(opening.links, [sent.id.as_str()], "linked to where it was created");
    let values =
        ["protean.lane", "protean.priority", "protean.attempt", "messaging.operation.type"];
    assert_eq!(values.map(|name| opening.get(name)), ["primary", "0", "1", "process"]);
    assert_eq!(opening.get("messaging.message.id"), sent.get("messaging.message.id"));
    assert!(!trace.all("settle helpdesk::ticket:command", &[own[0]]).is_empty());

    let greeter = trace.process("Greeter", "Helpdesk.TicketOpened.v1");
    is_below(greeter, opening, SpanKind::Consumer);
    is_below(trace.one("greeting", &[]), greeter, SpanKind::Internal);
    let listed = trace.process("TicketListProjector", "Helpdesk.TicketOpened.v1");
    is_below(listed, opening, SpanKind::Consumer);

    // To Python and back.
    let python: Vec<_> = trace.0.iter().filter(|span| span.service == "triage").collect();
    assert!(python.iter().any(|span| span.parent == opening.id), "{python:#?}");
    let triage = trace.process("Triage", "Helpdesk.EntryReceived.v1");
    assert!(python.iter().any(|span| span.id == triage.parent), "{triage:#?} in {python:#?}");
    let assigning = trace.process("TicketCommandHandler", "Helpdesk.AssignTicket.v1");
    is_below(assigning, triage, SpanKind::Consumer);
    let assigned = trace.process("TicketListProjector", "Helpdesk.TicketAssigned.v1");
    is_below(assigned, assigning, SpanKind::Consumer);

    assert_eq!(trace.0.iter().filter(|span| span.parent == CALLER).count(), 1, "one beginning");
}

#[test]
fn a_caller_who_does_not_record_is_not_recorded() {
    let collector = Collector::start();
    let helpdesk = Helpdesk::new(collector.url());
    let (_helpdesk, at) = helpdesk.serve(&[]);
    let other = "0af7651916cd43dd8448eb211c80319c";
    assert!(post(at, &format!("00-{other}-{CALLER}-00")).contains("202"));
    assert!(post(at, &format!("00-{TRACE}-{CALLER}-01")).contains("202"));
    let is_listed = || {
        let listed = Trace::of(&collector).0;
        listed.iter().any(|span| span.get("messaging.consumer.group.name") == "TicketListProjector")
    };
    await_that(is_listed, || helpdesk.log());
    // The first ticket was handled before the second.
    assert!(collector.spans().iter().all(|span| span.trace != other));
}
