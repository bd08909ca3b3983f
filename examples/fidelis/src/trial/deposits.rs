//! Customers that pay in at a fixed rate while everything else goes on.
//!
//! The moments at which they come are fixed beforehand, and a slow answer does not
//! keep the next customer from coming: a stall is charged to every
//! deposit it delays. They have a thread and a connection of their own, as
//! they would have in another process.
//!
//! ```text
//! schedule ─▶ process(MakeDeposit) ─▶ … server … ─▶ DepositMade in the log
//!    └───────────────────── latency ──────────────────────┘
//! ```

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fidelis::account::MakeDeposit;
use protean::message::Lane;
use protean::{Decimal, Domain, Id};
use protean_cli::Error;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::gauge::Gauge;
use super::latency::Latencies;
use super::outages::in_spite_of_outages;
use super::place::Place;
use crate::history::{AccountEvent, History, account_event};

/// How long the last deposits may take after the counter has closed.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest sleep between two checks whether the counter is closed.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The accounts that pay in, and how often.
pub(crate) struct Schedule {
    pub(crate) place: Place,
    pub(crate) accounts: Vec<Id>,
    pub(crate) per_second: f64,
}

/// What the counter took in.
#[derive(Default)]
pub(crate) struct Takings {
    /// Before the import began.
    pub(crate) idle: Latencies,
    /// Since the import began.
    pub(crate) during: Latencies,
    /// Deposits that the bank accepted, and what they come to.
    pub(crate) accepted: u64,
    pub(crate) total: Decimal,
    /// Accepted, but not seen in the log in time.
    pub(crate) unanswered: u64,
}

/// Customers on their way. Dropping it stops them.
pub(crate) struct Counter {
    hall: Arc<Hall>,
    takings: oneshot::Receiver<Result<Takings, Error>>,
    thread: Option<JoinHandle<()>>,
}

/// What the threads of the counter share.
struct Hall {
    waiting: Mutex<HashMap<u64, PendingDeposit>>,
    importing: AtomicBool,
    closing: AtomicBool,
    abandoned: AtomicBool,
    accepted: AtomicU64,
    cents: AtomicI64,
    failure: Mutex<Option<Error>>,
    gauge: Arc<Gauge>,
}

/// A deposit that has not been seen in the log yet.
struct PendingDeposit {
    due: Instant,
    importing: bool,
}

impl Counter {
    /// Opens the counter; the first customer comes at once.
    ///
    /// # Errors
    /// When the thread cannot be started or the database not be opened.
    pub(crate) async fn open(schedule: Schedule, gauge: Arc<Gauge>) -> Result<Self, Error> {
        let hall = Arc::new(Hall::new(gauge));
        let (closed, takings) = oneshot::channel();
        let (ready, opened) = oneshot::channel();
        let inside = Arc::clone(&hall);
        let thread = std::thread::Builder::new().name("counter".into()).spawn(move || {
            // The receiver is gone when the run was interrupted.
            let _ = closed.send(serve(&inside, &schedule, ready));
        })?;
        let mut counter = Self { hall, takings, thread: Some(thread) };
        if opened.await.is_err() {
            counter.result().await?;
        }
        Ok(counter)
    }

    /// From now on deposits count as made during the import.
    pub(crate) fn import_begins(&self) {
        self.hall.importing.store(true, Ordering::Relaxed);
    }

    /// Says so when deposits cannot be made any more.
    ///
    /// # Errors
    /// Why the bank did not accept the first one that it did not accept.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.hall.failure().take().map_or(Ok(()), Err)
    }

    /// Stops new deposits and waits for those under way.
    ///
    /// # Errors
    /// When a deposit could not be made, or the log not be read.
    pub(crate) async fn close(mut self) -> Result<Takings, Error> {
        self.hall.closing.store(true, Ordering::Relaxed);
        let takings = self.result().await?;
        self.check().map(|()| takings)
    }

    async fn result(&mut self) -> Result<Takings, Error> {
        let ended = (&mut self.takings).await;
        ended.unwrap_or_else(|_| Err(Error::failed("the thread that makes deposits has ended")))
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.hall.closing.store(true, Ordering::Relaxed);
        self.hall.abandoned.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Hall {
    fn new(gauge: Arc<Gauge>) -> Self {
        Self {
            waiting: Mutex::default(),
            importing: AtomicBool::default(),
            closing: AtomicBool::default(),
            abandoned: AtomicBool::default(),
            accepted: AtomicU64::default(),
            cents: AtomicI64::default(),
            failure: Mutex::default(),
            gauge,
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<u64, PendingDeposit>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self) -> std::sync::MutexGuard<'_, Option<Error>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
}

/// The thread of the counter, from opening to the last answer.
fn serve(
    hall: &Arc<Hall>,
    schedule: &Schedule,
    ready: oneshot::Sender<()>,
) -> Result<Takings, Error> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build()?;
    let domain = schedule.place.domain()?;
    let range = domain.lanes().range(Lane::Primary);
    let history = runtime.block_on(async {
        let mut history = History::of(&domain, range).await?;
        history.skip().await.map(|()| history)
    })?;
    let watching = runtime.spawn(watch(domain.clone(), Arc::clone(hall), history));
    let _ = ready.send(());
    if schedule.per_second > 0.0 {
        let_in(hall, schedule, &domain, &runtime);
    }
    let mut takings = runtime.block_on(watching)??;
    takings.accepted = hall.accepted.load(Ordering::Relaxed);
    takings.total = Decimal::new(hall.cents.load(Ordering::Relaxed), 2);
    Ok(takings)
}

/// Lets customers in at their moments until the counter closes.
fn let_in(hall: &Arc<Hall>, schedule: &Schedule, domain: &Domain, runtime: &Runtime) {
    let start = Instant::now();
    for (number, account) in (0_u64..).zip(schedule.accounts.iter().cycle()) {
        #[expect(clippy::cast_precision_loss, reason = "2^52 deposits will not be made")]
        let due = start + Duration::from_secs_f64(number as f64 / schedule.per_second);
        while let Some(early) = due.checked_duration_since(Instant::now()).filter(|d| !d.is_zero())
        {
            if hall.is_closing() {
                return;
            }
            std::thread::sleep(early.min(POLL_INTERVAL));
        }
        if hall.is_closing() {
            return;
        }
        let importing = hall.importing.load(Ordering::Relaxed);
        hall.waiting().insert(number, PendingDeposit { due, importing });
        runtime.spawn(pay_in(Arc::clone(hall), domain.clone(), account.clone(), number));
    }
}

async fn pay_in(hall: Arc<Hall>, domain: Domain, account_id: Id, number: u64) {
    // Some amount to the cent, another one each time.
    let cents = i64::try_from(1 + number.wrapping_mul(7919) % 50_000).unwrap_or(1);
    let (amount, reference) = (Decimal::new(cents, 2), format!("counter-{number}"));
    // A sender that got no answer sends the same again, under the same key.
    let key = format!("{account_id}-{reference}");
    let command = MakeDeposit { account_id, amount, reference: Some(reference) };
    let submit = || domain.process(command.clone()).idempotency_key(key.clone()).asynchronous();
    match in_spite_of_outages(submit).await {
        Ok(_) => {
            hall.accepted.fetch_add(1, Ordering::Relaxed);
            hall.cents.fetch_add(cents, Ordering::Relaxed);
        }
        Err(error) => {
            hall.waiting().remove(&number);
            hall.failure().get_or_insert(error.into());
        }
    }
}

/// Notes for each deposit when it is seen in the log.
async fn watch(domain: Domain, hall: Arc<Hall>, mut history: History) -> Result<Takings, Error> {
    let mut commits = domain.store().await?.commits();
    let mut takings = Takings::default();
    let mut closed_at = None;
    loop {
        commits.borrow_and_update();
        let page = history.next_page().await?;
        let now = Instant::now();
        for recorded in &page {
            if let Some(AccountEvent::Deposited(deposit)) = account_event(recorded)?
                && let Some(number) = number_of(deposit.reference.as_deref())
                && let Some(pending) = hall.waiting().remove(&number)
            {
                note(&mut takings, &hall.gauge, &pending, now);
            }
        }
        if hall.is_closing() {
            let open = hall.waiting().len() as u64;
            let waited = now.duration_since(*closed_at.get_or_insert(now));
            if open == 0 || waited > DRAIN_TIMEOUT || hall.abandoned.load(Ordering::Relaxed) {
                takings.unanswered = open;
                return Ok(takings);
            }
        }
        if page.is_empty() {
            let _ = tokio::time::timeout(POLL_INTERVAL, commits.changed()).await;
        }
    }
}

fn note(takings: &mut Takings, gauge: &Gauge, pending: &PendingDeposit, now: Instant) {
    let latency = now.saturating_duration_since(pending.due);
    gauge.deposit_took(latency);
    let phase = if pending.importing { &mut takings.during } else { &mut takings.idle };
    phase.add(latency);
}

/// What a counter can be asked to take: from 0 to 10,000 deposits a second.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=10_000.0).contains(&rate) => Ok(rate),
        _ => Err("expected a number from 0 to 10000".into()),
    }
}

/// The number of a deposit that was made at the counter.
pub(crate) fn number_of(reference: Option<&str>) -> Option<u64> {
    reference?.strip_prefix("counter-")?.parse().ok()
}
