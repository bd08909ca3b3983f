//! Which spans there are, and what continues what, whichever way a message is processed.

use std::cell::Cell;
use std::sync::{Arc, Mutex};

use protean::message::TraceParent;
use protean::port::{NewSpan, SpanOperation, SpanValue, TraceSpan, Tracer};
use protean::{DomainBuilder, Enricher, Error, Handled, Priority, event_handler, with_tracer};

use crate::harness::{Harness, On};
use crate::tallies::{Add, Added, Tally};

const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;

thread_local! {
    static CURRENT: Cell<Option<TraceParent>> = const { Cell::new(None) };
}

/// Records spans in memory.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Recorded>>>);

#[derive(Clone, Debug)]
struct Recorded {
    operation: SpanOperation,
    destination: String,
    at: TraceParent,
    parent: Option<TraceParent>,
    links: Vec<TraceParent>,
    attributes: Vec<(&'static str, String)>,
    failed: Option<String>,
}

impl Recorded {
    fn get(&self, name: &str) -> &str {
        let found = self.attributes.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value.as_str())
    }
}

struct Open {
    recorder: Recorder,
    at: Option<TraceParent>,
    place: usize,
}

impl Tracer for Recorder {
    fn current(&self) -> Option<TraceParent> {
        CURRENT.get()
    }

    fn begin(&self, new: NewSpan<'_>) -> Box<dyn TraceSpan> {
        let mut all = self.0.lock().unwrap();
        let trace = new.parent.map_or(TRACE, |parent| parent.ids().0);
        let at = TraceParent::new(trace, all.len() as u64 + 1, 1).unwrap();
        let text = |value: &SpanValue<'_>| match value {
            SpanValue::Text(text) => (*text).to_owned(),
            SpanValue::Number(number) => number.to_string(),
        };
        all.push(Recorded {
            operation: new.operation,
            destination: new.destination.to_owned(),
            at,
            parent: new.parent,
            links: new.links,
            attributes: new.attributes.iter().map(|(name, value)| (*name, text(value))).collect(),
            failed: None,
        });
        Box::new(Open { recorder: self.clone(), at: Some(at), place: all.len() - 1 })
    }

    fn unrecorded(&self) -> Box<dyn TraceSpan> {
        Box::new(Open { recorder: self.clone(), at: None, place: usize::MAX })
    }
}

impl TraceSpan for Open {
    fn context(&self) -> Option<TraceParent> {
        self.at
    }

    fn within(&self, work: &mut dyn FnMut()) {
        let before = CURRENT.replace(self.at);
        work();
        CURRENT.set(before);
    }

    fn count(&mut self, _: usize) {}

    fn fail(&mut self, reason: &str) {
        if let Some(span) = self.recorder.0.lock().unwrap().get_mut(self.place) {
            span.failed = Some(reason.to_owned());
        }
    }
}

impl Recorder {
    fn of(&self, operation: SpanOperation) -> Vec<Recorded> {
        let all = self.0.lock().unwrap().clone();
        all.into_iter().filter(|span| span.operation == operation).collect()
    }

    /// What a subscription has handled.
    fn handled(&self, handler: &str) -> Vec<Recorded> {
        let mut spans = self.of(SpanOperation::Process);
        spans.retain(|span| span.get("messaging.consumer.group.name") == handler);
        spans
    }
}

/// Fails for 13.
struct Speaker;

#[event_handler(part_of = Tally, start_from = "beginning")]
impl Speaker {
    #[handle]
    async fn on_added(&self, event: Added) -> Handled {
        match event.number {
            13 => Err(Error::failed("planned").into()),
            _ => Ok(()),
        }
    }
}

const AT_ONCE: &str = "command_processing = \"sync\"\nevent_processing = \"sync\"\n";

fn harness(before: &str, enabled: bool) -> (Harness, Recorder) {
    let recorder = Recorder::default();
    let rewrite = |base: String| format!("{before}{base}\n[telemetry]\nenabled = {enabled}\n");
    let tracer = recorder.clone();
    let elsewhere = Enricher::new(|message| {
        // Only where the test says so.
        if CURRENT.get().is_some_and(|at| at.ids().1 == 99) {
            message.traceparent = Some(caller(7));
        }
    });
    let register = move |builder: DomainBuilder| {
        with_tracer(builder.register(Speaker).register(elsewhere), tracer)
    };
    (Harness::rewritten(On::Memory, rewrite, register), recorder)
}

fn caller(span: u64) -> TraceParent {
    TraceParent::new(TRACE + u128::from(span), span, 1).unwrap()
}

async fn add(harness: &Harness, number: i64, parent: Option<TraceParent>) {
    let command =
        harness.domain.process(Add { tally: format!("t{number}").as_str().into(), number });
    let sent = match parent {
        Some(parent) => command.traceparent(parent).await,
        None => command.await,
    };
    sent.unwrap();
}

#[tokio::test]
async fn a_command_and_its_events_are_one_trace_both_ways() {
    for (before, operation) in [("", SpanOperation::Send), (AT_ONCE, SpanOperation::Create)] {
        let (harness, recorder) = harness(before, true);
        add(&harness, 1, Some(caller(5))).await;
        if before.is_empty() {
            harness.drain().await;
        }
        let sent = recorder.of(operation);
        assert_eq!((sent.len(), sent[0].parent), (1, Some(caller(5))), "{sent:?}");
        assert_eq!(sent[0].destination, "harness::tally:command");
        let handler = recorder.handled("TallyCommandHandler");
        assert_eq!(handler.len(), 1, "{handler:?}");
        assert_eq!(
            (handler[0].parent, &handler[0].links[..]),
            (Some(sent[0].at), &[sent[0].at][..])
        );
        let event = recorder.handled("Speaker");
        assert_eq!((event.len(), event[0].parent), (1, Some(handler[0].at)), "{event:?}");
        let names = ["protean.attempt", "protean.lane", "protean.priority", "protean.message.type"];
        let values = names.map(|name| event[0].get(name).to_owned());
        assert_eq!(values, ["1", "primary", "0", "Harness.Added.v1"]);
        let settled = recorder.of(SpanOperation::Settle);
        assert!(settled.iter().any(|span| span.parent == Some(sent[0].at)), "{settled:?}");
        let all = recorder.0.lock().unwrap().clone();
        assert!(all.iter().all(|span| span.at.ids().0 == caller(5).ids().0), "{all:?}");
        assert!(all.iter().all(|span| span.failed.is_none()), "{all:?}");
    }
}

#[tokio::test]
async fn each_try_has_a_span_that_says_why_it_failed() {
    let (harness, recorder) = harness("", true);
    add(&harness, 13, None).await;
    harness.drain().await;
    let tries = recorder.handled("Speaker");
    let tries: Vec<_> =
        tries.iter().map(|span| (span.get("protean.attempt"), span.failed.as_deref())).collect();
    let failed = Some("planned");
    assert_eq!(tries, [("1", failed), ("2", failed), ("3", failed)]);
}

#[tokio::test]
async fn a_command_continues_what_the_caller_says_then_an_enricher_then_the_span_around_it() {
    let (harness, recorder) = harness("", true);
    let within = async |at: TraceParent, parent| {
        CURRENT.set(Some(at));
        add(&harness, 1, parent).await;
        CURRENT.set(None);
        recorder.of(SpanOperation::Send).last().unwrap().parent
    };
    assert_eq!(within(caller(6), None).await, Some(caller(6)), "the span around the caller");
    let enriched = TraceParent::new(TRACE, 99, 1).unwrap();
    assert_eq!(within(enriched, None).await, Some(caller(7)), "an enricher");
    assert_eq!(within(enriched, Some(caller(8))).await, Some(caller(8)), "the caller");
}

#[tokio::test]
async fn an_import_is_sent_and_handled_in_batches() {
    let (harness, recorder) = harness("", true);
    CURRENT.set(Some(caller(6)));
    let commands = (100..120).map(|number| Add { tally: "t".into(), number });
    harness.domain.process_all(commands).priority(Priority::BULK).await.unwrap();
    CURRENT.set(None);
    harness.drain().await;
    let sent = recorder.of(SpanOperation::Send);
    assert_eq!((sent.len(), sent[0].parent), (1, Some(caller(6))), "{sent:?}");
    let handled = recorder.handled("TallyCommandHandler");
    let count = |span: &Recorded| span.get("messaging.batch.message_count").parse::<u64>().unwrap();
    assert_eq!(handled.iter().map(count).sum::<u64>(), 20, "{handled:?}");
    for span in &handled {
        assert_eq!((span.parent, span.get("protean.lane")), (Some(sent[0].at), "backfill"));
    }
}

#[tokio::test]
async fn nothing_is_recorded_unless_it_is_asked_for() {
    let (harness, recorder) = harness("", false);
    add(&harness, 1, Some(caller(5))).await;
    harness.drain().await;
    let tallies = harness.domain.repository::<Tally>().await.unwrap();
    assert!(tallies.find(&"t1".into()).await.unwrap().is_some(), "the command is handled");
    assert_eq!(recorder.0.lock().unwrap().len(), 0);
}
