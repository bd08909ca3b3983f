//! Customers that order at a fixed rate while everything else goes on.
//!
//! The moments at which they come are fixed beforehand, and a slow answer does not
//! keep the next customer from coming: a stall is charged to every
//! order it delays. They have a thread and connections of their own, as they
//! would have in another process.
//!
//! ```text
//! schedule ─▶ POST /orders ─▶ 202 ─▶ … server … ─▶ OrderPlaced in the log
//!    ├────────── answered ─────┘                          │
//!    └────────────────────── placed ──────────────────────┘
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bookshelf::order::{Order, OrderPlaced};
use protean::message::{Category, Lane};
use protean::model::{Aggregate, Event};
use protean::port::LaneRead;
use protean::{Domain, Id};
use protean_cli::{Error, Result};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::client::Client;
use super::record::{Phase, Record};

/// How long the last orders may take when no more come.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest sleep between two checks whether the run is over.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// The group this reader names: it is not registered and settles nothing.
const READER: &str = "bookshelf.load";
const PAGE: usize = 1000;

/// What is ordered, where, and how often.
pub(super) struct Plan {
    pub(super) shop: SocketAddr,
    pub(super) domain: Domain,
    /// What there is to order.
    pub(super) books: Vec<Id>,
    pub(super) per_second: f64,
    /// How many orders come before those that count as made while books drain.
    pub(super) idle: u64,
}

/// Customers on their way. Dropping it stops them.
pub(super) struct Customers {
    pub(super) record: Arc<Record>,
    ended: oneshot::Receiver<Result<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Customers {
    /// Sends the first order at once; `idle_over` fires when those of the idle
    /// phase have come.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(super) fn come(plan: Plan, idle_over: oneshot::Sender<()>) -> Result<Self> {
        let record = Arc::new(Record::default());
        let (result, ended) = oneshot::channel();
        let inside = Arc::clone(&record);
        let thread = std::thread::Builder::new().name("customers".into()).spawn(move || {
            // The receiver is gone when the run was interrupted.
            let _ = result.send(serve(&plan, &inside, idle_over));
        })?;
        Ok(Self { record, ended, thread: Some(thread) })
    }

    /// Stops new orders and waits until every order is placed or its time is up.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(super) async fn close(mut self) -> Result<Arc<Record>> {
        self.record.close();
        let ended = (&mut self.ended).await;
        ended.unwrap_or_else(|_| Err(Error::failed("the thread of the customers has ended")))?;
        Ok(Arc::clone(&self.record))
    }
}

impl Drop for Customers {
    fn drop(&mut self) {
        self.record.abandon();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread of the customers, from the first order to the last event.
fn serve(plan: &Plan, record: &Arc<Record>, idle_over: oneshot::Sender<()>) -> Result<()> {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let watching = runtime.spawn(watch(plan.domain.clone(), Arc::clone(record)));
    let_in(plan, record, &runtime, idle_over);
    runtime.block_on(watching)?
}

/// Lets customers in at their moments until no more are to come.
fn let_in(plan: &Plan, record: &Arc<Record>, runtime: &Runtime, idle_over: oneshot::Sender<()>) {
    let client = Arc::new(Client::new(plan.shop));
    let (start, mut idle_over) = (Instant::now(), Some(idle_over));
    for number in 0_u64.. {
        #[expect(clippy::cast_precision_loss, reason = "2^52 orders will not be made")]
        let due = start + Duration::from_secs_f64(number as f64 / plan.per_second);
        if !wait_until(due, record) {
            return;
        }
        let idle = number < plan.idle;
        if let Some(signal) = idle_over.take_if(|_| !idle) {
            // The receiver is gone when the run was interrupted.
            let _ = signal.send(());
        }
        let key = format!("load-{number}");
        let order = Order::identity(&key);
        record.due(order.clone(), due, if idle { Phase::Idle } else { Phase::Draining });
        let (body, client) = (body(plan, number), Arc::clone(&client));
        runtime.spawn(send(client, Arc::clone(record), order, key, body));
    }
}

/// False when no more customers are to come.
fn wait_until(due: Instant, record: &Record) -> bool {
    while let Some(early) = due.checked_duration_since(Instant::now()).filter(|d| !d.is_zero()) {
        if record.is_closing() {
            return false;
        }
        std::thread::sleep(early.min(POLL_INTERVAL));
    }
    !record.is_closing()
}

/// An order of one to three books, other ones each time.
fn body(plan: &Plan, number: u64) -> String {
    let books = plan.books.iter().cycle().skip(number as usize % plan.books.len());
    let lines: Vec<_> = books
        .take(1 + number as usize % 3)
        .map(|book_id| json!({"book_id": book_id, "quantity": 1 + number % 5}))
        .collect();
    let ship_to = json!({
        "street": format!("Main Street {number}"), "postcode": "0150", "city": "Oslo",
        "country": "Norway",
    });
    let (customer_name, customer_email) =
        (format!("Customer {number}"), format!("customer-{number}@example.org"));
    json!({
        "customer_name": customer_name, "customer_email": customer_email,
        "ship_to": ship_to, "lines": lines,
    })
    .to_string()
}

async fn send(client: Arc<Client>, record: Arc<Record>, order: Id, key: String, body: String) {
    match client.post("/orders", &key, &body).await {
        Ok(answer) if answer.status == 202 => record.answered(&order),
        Ok(answer) => record.failed(&order, format!("{}: {}", answer.status, answer.body)),
        Err(error) => record.failed(&order, error.to_string()),
    }
}

/// Notes for each order when its event is seen in the log.
async fn watch(domain: Domain, record: Arc<Record>) -> Result<()> {
    let store = domain.store().await?;
    let mut commits = store.commits();
    let mut read = LaneRead {
        group: READER.to_owned(),
        category: Category::of(domain.name(), Order::NAME),
        range: domain.lanes().range(Lane::Primary),
        after: Vec::new(),
        limit: PAGE,
    };
    let mut closed_at = None;
    loop {
        commits.borrow_and_update();
        let page = store.lane(read.clone()).await?;
        for delivery in &page {
            let message = &delivery.recorded.message;
            if message.type_name.split('.').nth(1) == Some(OrderPlaced::NAME) {
                record.placed(&Id::from(message.stream.id()));
            }
            // Every order has the same priority.
            read.after = vec![(message.priority, delivery.recorded.position)];
        }
        let closed = record.is_closing().then(|| *closed_at.get_or_insert_with(Instant::now));
        if record.is_over() || closed.is_some_and(|closed| closed.elapsed() > DRAIN_TIMEOUT) {
            return Ok(());
        }
        if page.is_empty() {
            let _ = tokio::time::timeout(POLL_INTERVAL, commits.changed()).await;
        }
    }
}
