//! One of two servers: this test program as a process whose handlers record what they do.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use protean::{Context, Error, Handle, Handled, On, command_handler, projector};
use protean_engine::Server;
use rustix::process::{Pid, Signal, kill_process};
use tracing::field::Field;
use tracing::span;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, layer};

use super::record::{Line, Record, read};
use crate::child::Running;
use crate::tallies::{
    Add, Added, Faults, Numbers, NumbersProjector, Sum, SumProjector, Tally, TallyCommandHandler,
};

const SERVER: &str = "claims::server::a_server_of_a_pair";
/// Names the folder of the pair, the server in it, and its `domain.toml`.
const FOLDER: &str = "PROTEAN_TEST_FOLDER";
const NAME: &str = "PROTEAN_TEST_NAME";
const SETTINGS: &str = "PROTEAN_TEST_SETTINGS";
/// How long a handler runs.
const WORK: Duration = Duration::from_millis(4);
/// Of so many numbers one fails once in each group, and is parked.
const FAILS: i64 = 7;

pub(crate) const COMMANDS: &str = "harness.TallyCommands";
pub(crate) const NUMBERS: &str = "harness.NumbersProjector";
pub(crate) const SUM: &str = "harness.SumProjector";

/// Keeps with the span of a message which attempt to handle it that is.
struct Attempts;

#[derive(Clone, Copy)]
struct Attempt(u64);

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Attempts {
    fn on_new_span(
        &self,
        span: &span::Attributes<'_>,
        id: &span::Id,
        context: layer::Context<'_, S>,
    ) {
        span.record(&mut |field: &Field, value: &dyn std::fmt::Debug| {
            if field.name() == "attempt" {
                let attempt = Attempt(format!("{value:?}").parse().unwrap());
                context.span(id).unwrap().extensions_mut().insert(attempt);
            }
        });
    }
}

/// Which attempt to handle its message the current task is.
fn attempt() -> u64 {
    let of_span = |(id, dispatch): (&span::Id, &tracing::Dispatch)| {
        let spans = dispatch.downcast_ref::<Registry>()?;
        let attempt = spans.span(id)?.extensions().get::<Attempt>().copied();
        Some(attempt?.0)
    };
    tracing::Span::current().with_subscriber(of_span).flatten().expect("the span of a message")
}

/// Works for a handler, and writes down that it does.
#[derive(Clone)]
struct Desk {
    record: Record,
    folder: PathBuf,
}

impl Desk {
    async fn work(&self, group: &str, number: i64) -> Handled {
        self.record.began(group, number, attempt());
        tokio::time::sleep(WORK).await;
        // The file is made once, whichever process is the first.
        let fails = number % FAILS == 0
            && File::create_new(self.folder.join(format!("{group}-{number}"))).is_ok();
        if fails {
            return Err(Error::failed("planned").into());
        }
        Ok(())
    }
}

struct Commands(Desk);

#[command_handler(part_of = Tally)]
impl Commands {
    #[handle]
    async fn add(&self, command: Add, context: &Context) -> Handled {
        self.0.work(COMMANDS, command.number).await?;
        TallyCommandHandler.handle(command, context).await
    }
}

struct NumbersAtDesk(Desk);

#[projector(projection = Numbers, name = "NumbersProjector")]
impl NumbersAtDesk {
    #[on]
    async fn on_added(&self, event: Added, context: &Context) -> Handled {
        self.0.work(NUMBERS, event.number).await?;
        NumbersProjector(Faults::default()).on(event, context).await
    }
}

struct SumAtDesk(Desk);

#[projector(projection = Sum, name = "SumProjector")]
impl SumAtDesk {
    #[on]
    async fn on_added(&self, event: Added, context: &Context) -> Handled {
        self.0.work(SUM, event.number).await?;
        SumProjector.on(event, context).await
    }
}

/// The process itself: serves until its standard input ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_a_pair() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let (name, settings) = (std::env::var(NAME).unwrap(), std::env::var(SETTINGS).unwrap());
    let log = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(std::io::stderr);
    tracing_subscriber::registry().with(Attempts).with(log).with(LevelFilter::INFO).init();
    let desk = Desk { record: Record::in_file(&record_file(&folder, &name)), folder };
    let builder = protean::domain("harness").config(&settings).aggregate::<Tally>();
    let builder = builder.register(Commands(desk.clone()));
    let builder = builder.register(SumAtDesk(desk.clone())).register(NumbersAtDesk(desk));
    let stopped = tokio::task::spawn_blocking(|| {
        std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink())
    });
    let server = Server::new(builder.build().unwrap());
    server.run(async { drop(stopped.await) }).await.unwrap();
}

/// That process, as the test sees it.
pub(crate) struct ServerProcess {
    pub(crate) name: &'static str,
    process: Running,
    record: PathBuf,
    log: PathBuf,
}

impl ServerProcess {
    /// Starts one, with its record and its log in this folder.
    pub(crate) fn start(folder: &Path, name: &'static str, settings: &str) -> Self {
        let log = folder.join(name).with_extension("log");
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args(["--exact", SERVER, "--nocapture"]).env_remove("RUST_BACKTRACE");
        process.env(FOLDER, folder).env(NAME, name).env(SETTINGS, settings);
        process.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        let process = Running(process.spawn().unwrap());
        Self { name, process, record: record_file(folder, name), log }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.0.id()
    }

    /// Gives it no time until it is [continued](Self::proceed).
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn proceed(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process.0), signal).unwrap();
    }

    pub(crate) fn recorded(&self) -> Vec<Line> {
        read(&self.record)
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Stops it properly.
    pub(crate) fn stop(&mut self) {
        drop(self.process.0.stdin.take());
        let ended = self.process.0.wait().unwrap();
        assert!(ended.success(), "{}: {ended}\n{}", self.name, self.log());
    }
}

fn record_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(name).with_extension("record")
}
