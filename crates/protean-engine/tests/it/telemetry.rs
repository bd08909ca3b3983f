//! What log lines say about a message, whichever way it is processed.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use protean::{Context, DomainBuilder, Error, Failure, Handled, Id, event_handler, projection};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{Harness, On};
use crate::tallies::{Add, Added, Numbers, Tally};

/// Says what it does, fails for 13 and refuses 14.
struct Speaker;

#[event_handler(part_of = Tally, start_from = "beginning")]
impl Speaker {
    #[handle]
    async fn on_added(&self, event: Added) -> Handled {
        tracing::info!("heard {}", event.number);
        match event.number {
            13 => Err(Error::failed("planned").into()),
            14 => Err(Failure::rejected("planned")),
            _ => Ok(()),
        }
    }
}

/// Every line that this thread logs.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    pub(crate) fn capture() -> (Self, DefaultGuard) {
        // With one subscriber alone `tracing` asks the thread that first reaches a line
        // whether it is of interest: one of another test, which has none, would say no.
        static ANOTHER: LazyLock<Dispatch> =
            LazyLock::new(|| Dispatch::new(subscriber(Lines::default())));
        LazyLock::force(&ANOTHER);
        let lines = Self::default();
        (lines.clone(), tracing::subscriber::set_default(subscriber(lines)))
    }

    /// The lines with this text.
    pub(crate) fn with(&self, text: &str) -> Vec<String> {
        let all = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        all.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }
}

fn subscriber(lines: Lines) -> impl Subscriber + Send + Sync {
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG);
    subscriber.with_ansi(false).without_time().with_writer(lines).finish()
}

fn harness(before: &str) -> Harness {
    let register = |builder: DomainBuilder| builder.register(Speaker);
    Harness::rewritten(On::Memory, |base| format!("{before}{base}"), register)
}

async fn add(harness: &Harness, number: i64) {
    let command = Add { tally: format!("t{number}").as_str().into(), number };
    let _ = harness.domain.process(command).correlation_id("chain").await;
}

const AT_ONCE: &str = "command_processing = \"sync\"\nevent_processing = \"sync\"\n";

const SPAN: &str = "message{handler=Speaker message_id=harness::tally-t1-0 type=Harness.Added.v1 \
                    correlation_id=chain lane=primary attempt=1}";

#[tokio::test]
async fn a_line_of_a_handler_carries_its_message() {
    for before in ["", AT_ONCE] {
        let (lines, _capturing) = Lines::capture();
        let harness = harness(before);
        add(&harness, 1).await;
        if before.is_empty() {
            harness.drain().await;
        }
        let heard = lines.with("heard 1");
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert!(heard[0].contains(SPAN), "{heard:?}");
        let started = lines.with("handler.started");
        assert!(started.iter().any(|line| line.contains(SPAN)), "{started:?}");
        let completed = lines.with("handler.completed");
        let completed: Vec<_> =
            completed.iter().filter(|line| line.contains("handler=Speaker")).collect();
        assert_eq!(completed.len(), 1, "{completed:?}");
    }
}

#[tokio::test]
async fn a_failure_says_when_it_is_tried_again_and_a_message_given_up_is_an_error() {
    let (lines, _capturing) = Lines::capture();
    let harness = harness("");
    add(&harness, 13).await;
    harness.drain().await;
    let failed = lines.with("handler.failed");
    assert_eq!(failed.len(), 2, "{failed:?}");
    for (attempt, line) in (1..).zip(&failed) {
        assert!(line.trim_start().starts_with("WARN"), "{line}");
        for field in [&format!("attempt={attempt}"), "reason=\"planned\"", "next_try=20"] {
            assert!(line.contains(field), "{line}");
        }
    }
    let given_up = lines.with("message.dlq");
    assert_eq!(given_up.len(), 1, "{given_up:?}");
    let line = &given_up[0];
    assert!(line.trim_start().starts_with("ERROR"), "{line}");
    for field in ["type=Harness.Added.v1", "attempt=3", "reason=\"planned\"", "given up"] {
        assert!(line.contains(field), "{line}");
    }
}

#[tokio::test]
async fn a_message_that_is_refused_is_given_up_both_ways() {
    for before in ["", AT_ONCE] {
        let (lines, _capturing) = Lines::capture();
        let harness = harness(before);
        add(&harness, 14).await;
        if before.is_empty() {
            harness.drain().await;
        }
        let given_up = lines.with("message.dlq");
        assert_eq!(given_up.len(), 1, "{given_up:?}");
        assert!(given_up[0].contains("attempt=1 "), "{given_up:?}");
    }
}

#[tokio::test]
async fn a_line_of_a_handler_carries_metadata_and_the_trace() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    for before in ["", AT_ONCE] {
        let (lines, _capturing) = Lines::capture();
        let harness = harness(before);
        let command = harness.domain.process(Add { tally: "t1".into(), number: 1 });
        let command = command.metadata("user", "Ada Lovelace").metadata("tenant", "acme");
        let traceparent = format!("00-{trace}-00f067aa0ba902b7-01").parse().unwrap();
        command.traceparent(traceparent).correlation_id("chain").await.unwrap();
        if before.is_empty() {
            harness.drain().await;
        }
        let heard = lines.with("heard 1");
        let of_message = SPAN.trim_end_matches('}');
        let span = format!(
            "{of_message} metadata=tenant=acme user=\"Ada Lovelace\" trace_id=\"{trace}\"}}"
        );
        assert!(heard.len() == 1 && heard[0].contains(&span), "{heard:?}");
        // That of the command's own handler says so too.
        let started = lines.with("handler.started");
        assert!(
            started.len() >= 2 && started.iter().all(|line| line.contains(trace)),
            "{started:?}"
        );
    }
}

#[tokio::test]
async fn the_plan_in_the_log_is_that_of_the_database() {
    let (lines, _capturing) = Lines::capture();
    let harness = Harness::new(On::Sqlite);
    let rows = harness.domain.repository::<Numbers>().await.unwrap();
    let marked = || rows.query().filter(Numbers::MARK.equals("m".to_owned()));
    let mut logged = 0;
    marked().all().await.unwrap();
    marked().order_by(Numbers::TALLY.descending()).page(3).await.unwrap();
    for line in lines.with("protean::query") {
        assert!(line.trim_start().starts_with("DEBUG protean::query:"), "{line}");
        for part in ["table=\"numbers\"", "plan=\"SELECT ", "SEARCH numbers USING INDEX"] {
            assert!(line.contains(part), "{part}: {line}");
        }
        logged += 1;
    }
    assert_eq!(logged, 2);
}

#[projection]
struct Note {
    #[field(identifier)]
    id: Id,
    text: String,
}

#[tokio::test]
async fn every_query_logs_its_plan() {
    let (lines, _capturing) = Lines::capture();
    let register = |builder: DomainBuilder| builder.projection::<Note>();
    let harness = Harness::rewritten(On::Memory, |base| base, register);
    let notes = harness.domain.repository::<Note>().await.unwrap();
    let mut plans = 0;
    let mut has_logged = |count: usize| {
        let all = lines.with("protean::query").len();
        let new = all - std::mem::replace(&mut plans, all);
        assert_eq!(new, count);
    };
    notes.query().all().await.unwrap();
    has_logged(1);
    notes.query().count().await.unwrap();
    has_logged(1);
    notes.query().exists().await.unwrap();
    has_logged(1);
    notes.query().with_total().page(3).await.unwrap();
    has_logged(2);
    let changed = harness.domain.unit_of_work(async |ctx: &Context| {
        let notes = ctx.repository::<Note>();
        notes.update_where(Note::TEXT.equals("a"), |_| Ok(())).await?;
        notes.remove_where(Note::TEXT.equals("b")).await
    });
    changed.await.unwrap();
    has_logged(2);
}
