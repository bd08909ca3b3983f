//! Visitors who come at a fixed rate while everything else goes on.
//!
//! The moments at which they come are fixed beforehand, and a slow answer does not keep the next one
//! from coming: a stall is charged to every visit it delays. They have a thread and connections of
//! their own, as they would have in another process.
//!
//! ```text
//! schedule ─▶ send ─▶ accepted ─▶ … server … ─▶ done: its event is in the log
//!    ├────── accepted ────┘                          │
//!    └───────────────────── done ────────────────────┘
//! ```

use std::future::Future;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use protean::Domain;
use protean::message::Recorded;
use protean_cli::{Error, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::gauge::Gauge;
use crate::history::History;
use crate::visits::{Phase, Visits};
pub use crate::visits::{PhaseTakings, Takings};

/// How long the last visits may take when no more come.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest sleep between two checks whether the run is over.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// What visitors do. Their numbers count from 0.
pub trait Visit: Send + Sync + 'static {
    /// Sends what a visitor wants; ends when it is accepted, or with the reason why it is not.
    fn send(&self, domain: &Domain, number: u64)
    -> impl Future<Output = Result<(), String>> + Send;

    /// The visitor whose wish this record fulfils.
    ///
    /// # Errors
    /// When the record cannot be read.
    fn done(&self, recorded: &Recorded) -> Result<Option<u64>>;

    /// The records in which that is to be seen.
    fn history(&self, domain: &Domain) -> impl Future<Output = Result<History>> + Send;
}

/// Where visitors come, and how often.
pub struct Schedule {
    /// A handle that nobody has used yet, so that its connections are the visitors' own.
    pub domain: Domain,
    /// Nobody comes at 0.
    pub per_second: f64,
    /// How many come before those of the busy phase; without it, until
    /// [`busy`](Visitors::busy) is called.
    pub calm: Option<u64>,
}

/// Visitors on their way. Dropping it stops them.
pub struct Visitors {
    visits: Arc<Visits>,
    ended: oneshot::Receiver<Result<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Visitors {
    /// The first one comes at once.
    ///
    /// # Errors
    /// When the thread cannot be started or the database not be opened.
    pub async fn come(schedule: Schedule, visit: impl Visit, gauge: Arc<Gauge>) -> Result<Self> {
        let visits = Arc::new(Visits::new(gauge));
        let (result, ended) = oneshot::channel();
        let (ready, opened) = oneshot::channel();
        let inside = Arc::clone(&visits);
        let thread = std::thread::Builder::new().name("visitors".into()).spawn(move || {
            // The receiver is gone when the run was interrupted.
            let _ = result.send(serve(&schedule, &Arc::new(visit), &inside, ready));
        })?;
        let mut visitors = Self { visits, ended, thread: Some(thread) };
        if opened.await.is_err() {
            visitors.result().await?;
        }
        Ok(visitors)
    }

    /// From now on visits are those of the busy phase.
    pub fn busy(&self) {
        self.visits.enter(Phase::Busy);
    }

    /// Waits until those of the calm phase have come.
    ///
    /// # Errors
    /// When nobody can come any more.
    pub async fn calm_is_over(&mut self) -> Result<()> {
        let visits = Arc::clone(&self.visits);
        tokio::select! {
            () = visits.calm_is_over() => Ok(()),
            ended = self.result() => ended,
        }
    }

    /// Says so when visits fail.
    ///
    /// # Errors
    /// Why the first one that failed did.
    pub fn check(&self) -> Result<()> {
        self.visits.failure().map_or(Ok(()), |reason| Err(Error::failed(reason)))
    }

    /// Lets nobody in any more, and waits until everything is done or its time is up.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn close(mut self) -> Result<Takings> {
        self.visits.close();
        self.result().await?;
        Ok(self.visits.take())
    }

    async fn result(&mut self) -> Result<()> {
        let ended = (&mut self.ended).await;
        ended.unwrap_or_else(|_| Err(Error::failed("the thread of the visitors has ended")))
    }
}

impl Drop for Visitors {
    fn drop(&mut self) {
        self.visits.abandon();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread of the visitors, from the first one to the last record.
fn serve<V: Visit>(
    schedule: &Schedule,
    visit: &Arc<V>,
    visits: &Arc<Visits>,
    ready: oneshot::Sender<()>,
) -> Result<()> {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let history = runtime.block_on(async {
        let mut history = visit.history(&schedule.domain).await?;
        history.skip().await?;
        Ok::<_, Error>(history)
    })?;
    let (seeing, seen) = (Arc::clone(visit), Arc::clone(visits));
    let watching = runtime.spawn(watch(schedule.domain.clone(), history, seeing, seen));
    let _ = ready.send(());
    if schedule.per_second > 0.0 {
        let_in(schedule, visit, visits, &runtime);
    }
    runtime.block_on(watching)?
}

/// Lets visitors in at their moments until no more are to come.
fn let_in<V: Visit>(schedule: &Schedule, visit: &Arc<V>, visits: &Arc<Visits>, runtime: &Runtime) {
    let start = Instant::now();
    for number in 0_u64.. {
        #[expect(clippy::cast_precision_loss, reason = "2^52 visitors will not come")]
        let due = start + Duration::from_secs_f64(number as f64 / schedule.per_second);
        if !wait_until(due, visits) {
            return;
        }
        if schedule.calm == Some(number) {
            visits.enter(Phase::Busy);
        }
        visits.due(number, due);
        let (visit, visits) = (Arc::clone(visit), Arc::clone(visits));
        let domain = schedule.domain.clone();
        runtime.spawn(async move {
            match visit.send(&domain, number).await {
                Ok(()) => visits.accepted(number),
                Err(reason) => visits.failed(number, reason),
            }
        });
    }
}

/// False when nobody is to come any more.
fn wait_until(due: Instant, visits: &Visits) -> bool {
    while let Some(early) = due.checked_duration_since(Instant::now()).filter(|d| !d.is_zero()) {
        if visits.is_closing() {
            return false;
        }
        std::thread::sleep(early.min(POLL_INTERVAL));
    }
    !visits.is_closing()
}

/// Notes for each visit when its record is in the log.
async fn watch<V: Visit>(
    domain: Domain,
    mut history: History,
    visit: Arc<V>,
    visits: Arc<Visits>,
) -> Result<()> {
    let mut commits = domain.store().await?.commits();
    let mut closed_at = None;
    loop {
        commits.borrow_and_update();
        let page = history.next_page().await?;
        for recorded in &page {
            if let Some(number) = visit.done(recorded)? {
                visits.done(number);
            }
        }
        let closed = visits.is_closing().then(|| *closed_at.get_or_insert_with(Instant::now));
        if visits.is_over() || closed.is_some_and(|closed| closed.elapsed() > DRAIN_TIMEOUT) {
            return Ok(());
        }
        if page.is_empty() {
            let _ = tokio::time::timeout(POLL_INTERVAL, commits.changed()).await;
        }
    }
}
