//! An import has a span for each batch, whatever its handlers do.

use crate::collector::{Collector, Span};
use crate::helpdesk::Helpdesk;

const TICKETS: usize = 500;

/// How many messages these spans speak of.
fn messages(spans: &[&Span]) -> usize {
    let count = |span: &&Span| span.get("messaging.batch.message_count").parse::<usize>().unwrap();
    spans.iter().map(count).sum()
}

#[test]
fn an_import_has_a_span_for_each_batch_in_one_trace() {
    let collector = Collector::start();
    let helpdesk = Helpdesk::new(collector.url());
    helpdesk.ask(&["import", &TICKETS.to_string()]);
    helpdesk.ask(&["server", "--test-mode"]);
    let spans = collector.spans();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let import = named("import");
    assert_eq!(import.len(), 1, "{spans:#?}");
    let sent = named("send helpdesk::ticket:command");
    assert_eq!(messages(&sent), TICKETS);
    assert!(sent.iter().all(|span| span.parent == import[0].id), "{sent:#?}");
    let commands = named("process helpdesk::ticket:command");
    assert_eq!(messages(&commands), TICKETS);
    assert!(commands.len() < TICKETS / 4, "{} batches", commands.len());
    for span in &commands {
        assert!(sent.iter().any(|sent| sent.id == span.parent), "{span:#?}");
        assert_eq!(span.get("protean.lane"), "backfill");
        assert!(!span.links.is_empty() && span.get("messaging.message.id").is_empty());
    }
    // Events carry on the trace of their command; each is handled by two.
    let events = named("process helpdesk::ticket");
    assert_eq!(messages(&events), 2 * TICKETS);
    assert!(spans.iter().all(|span| span.trace == import[0].trace), "{spans:#?}");
    assert_eq!(named("greeting").len(), 0, "a span for each message");
}
