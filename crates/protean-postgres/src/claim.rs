//! One process at a time reads for a group: an advisory lock of the server, and
//! notes of what is being handled in a table that is not pressed to the disk.
//!
//! ```text
//! take ─▶ lock ─▶ read the notes ─▶ note, note, … ─▶ unlock
//!                                     └ the process ends: the server runs the notes
//!                                       it was sent, and only then lets go of the lock
//! ```
//! Lock and notes share a connection. A note is handed to the system before the
//! message is handled; its answer is awaited by the next note alone, so that there is
//! one on its way at most: that one the server runs even when the sender is gone,
//! and before the lock is free. So the next holder finds every note, and finds it
//! at once, with no lease to wait for.
//!
//! A lease in a row would have to be renewed, and would let a process that stalled go on
//! beside its successor for as long. Here the server ends the claim with the
//! connection, and with the connection ends every claim of this store: their holders
//! learn it from [`lost`](Claim::lost) and from their next note. What they settle late
//! changes nothing, since marks and progress are checked by each commit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protean_port::port::{BoxFuture, Claim};
use protean_port::{Error, Result};
use protean_sql::stable_hash;
use protean_sql::{signed, unsigned};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use crate::connection::{Parameter, Session, Settings};
use crate::error::Fault;
use crate::value::Text;

/// How long the server may take to answer, and a note to leave this process.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How often this process checks that it has not seen the connection end.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// How often the server is asked whether the connection is still there.
const PING_INTERVAL: Duration = Duration::from_secs(2);
/// A note is on its way once its statement and the connection have had their turns.
const NOTE_TURNS: usize = 4;

/// The claims of a store. Their thread starts with the first.
pub(crate) struct Claims {
    settings: Settings,
    orders: Mutex<Option<Orders>>,
}

type Orders = mpsc::UnboundedSender<Order>;
type Reply = oneshot::Sender<Result<Option<Held>, Fault>>;
type Written = oneshot::Sender<Result<(), String>>;

enum Order {
    Take { group: Arc<str>, orders: Orders, reply: Reply },
    Note(Token, Vec<i64>, Written),
    Drop(Token),
}

/// Which claim of a group is meant: after a loss there may be a newer one.
#[derive(Clone)]
struct Token {
    group: Arc<str>,
    number: u64,
}

/// A held claim. The thread creates it, so that it is dropped, and thereby released, if its caller
/// stops waiting.
struct Held {
    token: Token,
    left: Vec<u64>,
    /// The thread drops the sender when the claim is lost.
    held: watch::Receiver<()>,
    orders: Orders,
    settings: Settings,
}

impl Claims {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, orders: Mutex::default() }
    }

    /// Takes the lock of a group; nothing when it is held already, by this
    /// process or another. Cancel safe: nothing is held then.
    pub(crate) async fn take(&self, group: &str) -> Result<Option<Box<dyn Claim>>> {
        let (orders, group) = (self.orders()?, Arc::<str>::from(group));
        let (reply, taken) = oneshot::channel();
        let ended = |()| Error::unavailable("the thread that holds claims has ended");
        let order = Order::Take { group, orders: orders.clone(), reply };
        orders.send(order).map_err(|_| ended(()))?;
        let taken = taken.await.map_err(|_| ended(()))?;
        let taken = taken.map_err(|fault| self.settings.explain(fault))?;
        Ok(taken.map(|held| Box::new(held) as Box<dyn Claim>))
    }

    fn orders(&self) -> Result<Orders> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(orders) = orders.as_ref().filter(|orders| !orders.is_closed()) {
            return Ok(orders.clone());
        }
        let (fresh, received) = mpsc::unbounded_channel();
        let settings = self.settings.clone();
        let thread = std::thread::Builder::new().name("postgres-claims".into());
        let thread = thread.spawn(move || serve(settings, received));
        thread.map_err(|e| {
            Error::unavailable("no thread can be started; raise the limit of processes")
                .with_source(e)
        })?;
        Ok(orders.insert(fresh).clone())
    }
}

impl Claim for Held {
    fn left(&self) -> &[u64] {
        &self.left
    }

    fn lost(&self) -> BoxFuture<'static, ()> {
        let mut held = self.held.clone();
        Box::pin(async move { while held.changed().await.is_ok() {} })
    }

    fn note(&self, positions: &[u64]) -> BoxFuture<'static, Result> {
        let (written, done) = oneshot::channel();
        let positions = positions.iter().map(|position| signed(*position)).collect();
        // Without an answer the thread has ended, which the wait says as well.
        self.orders.send(Order::Note(self.token.clone(), positions, written)).unwrap_or(());
        let (group, place) = (Arc::clone(&self.token.group), self.settings.place.clone());
        Box::pin(async move {
            let noted = match tokio::time::timeout(ANSWER_TIMEOUT, done).await {
                Ok(Ok(noted)) => noted,
                Ok(Err(_)) => Err("the thread that holds claims has ended".into()),
                Err(_) => Err(format!("the server has not answered for {ANSWER_TIMEOUT:?}")),
            };
            noted.map_err(|why| {
                Error::unavailable(format!(
                    "what '{group}' is handling cannot be noted in the database {place}: {why}"
                ))
            })
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // A thread that has ended holds nothing.
        self.orders.send(Order::Drop(self.token.clone())).unwrap_or(());
    }
}

/// The name of a group's lock.
fn lock(group: &str) -> i64 {
    stable_hash(&format!("protean claim {group}")).cast_signed()
}

fn serve(settings: Settings, mut orders: mpsc::UnboundedReceiver<Order>) {
    // Without a runtime the orders are dropped, and with them the replies that are awaited.
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let mut claims = ClaimLoop {
            settings,
            session: None,
            pending: None,
            held: HashMap::new(),
            last_number: 0,
            pinged: Instant::now(),
        };
        let mut checks = tokio::time::interval(CHECK_INTERVAL);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => claims.carry_out(order).await,
                    None => return,
                },
                _ = checks.tick() => claims.check().await,
            }
        }
    });
}

/// What the thread works with.
struct ClaimLoop {
    settings: Settings,
    session: Option<Arc<Session>>,
    /// The note that is on its way.
    pending: Option<JoinHandle<()>>,
    /// The claims of this store. All of them are locks of the one session.
    held: HashMap<Arc<str>, Holding>,
    last_number: u64,
    pinged: Instant,
}

/// A claim as its thread knows it.
struct Holding {
    number: u64,
    /// Dropped when the claim is lost.
    _sender: watch::Sender<()>,
}

impl ClaimLoop {
    async fn carry_out(&mut self, order: Order) {
        match order {
            Order::Take { group, orders, reply } => {
                // If the caller is gone, the claim is dropped here.
                reply.send(self.take(group, orders).await).map_or_else(drop, drop);
            }
            Order::Note(token, positions, written) => {
                let noted = self.note(token, positions).await;
                // A caller that is gone asks for no answer.
                written.send(noted).unwrap_or_default();
            }
            Order::Drop(token) => self.give_up(&token).await,
        }
    }

    async fn take(&mut self, group: Arc<str>, orders: Orders) -> Result<Option<Held>, Fault> {
        let session = self.connected().await?;
        if self.held.contains_key(&group) || !locked(&session, &group).await? {
            return Ok(None);
        }
        self.last_number += 1;
        let (number, (sender, lost)) = (self.last_number, watch::channel(()));
        self.held.insert(Arc::clone(&group), Holding { number, _sender: sender });
        let (token, settings) = (Token { group, number }, self.settings.clone());
        let mut held = Held { token, left: Vec::new(), held: lost, orders, settings };
        let notes = include_str!("sql/read_notes.sql");
        if let Some(row) = session.first(notes, &[&Text(&held.token.group)]).await? {
            held.left = row.try_get::<_, Vec<i64>>(0)?.into_iter().map(unsigned).collect();
        }
        Ok(Some(held))
    }

    async fn note(&mut self, token: Token, positions: Vec<i64>) -> Result<(), String> {
        if let Some(pending) = self.pending.take()
            && tokio::time::timeout(ANSWER_TIMEOUT, pending).await.is_err()
        {
            self.lose();
        }
        let session = self.session().filter(|_| self.holds(&token));
        let Some(session) = session else {
            return Err("the claim was lost: another process may read for the group now".into());
        };
        let sql = include_str!("sql/write_notes.sql");
        let place = &self.settings.place;
        session.prepared(sql).await.map_err(|fault| fault.describe(place))?;
        let pending = tokio::spawn(async move {
            let row: [Parameter<'_>; 2] = [&Text(&token.group), &positions];
            // One that fails with its connection is followed by one that says so.
            session.execute(sql, &row).await.unwrap_or_default();
        });
        self.pending = Some(pending);
        for _ in 0..NOTE_TURNS {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn holds(&self, token: &Token) -> bool {
        self.held.get(&token.group).is_some_and(|holding| holding.number == token.number)
    }

    async fn give_up(&mut self, token: &Token) {
        if !self.holds(token) {
            return;
        }
        self.held.remove(&token.group);
        if let Some(session) = self.session() {
            let sql = include_str!("sql/give_claim_up.sql");
            // A connection that is lost holds nothing.
            session.query(sql, &[&lock(&token.group)]).await.map(drop).unwrap_or_default();
        }
    }

    /// The connection that holds the locks; every claim is lost once it has ended.
    fn session(&mut self) -> Option<Arc<Session>> {
        if self.session.as_ref().is_some_and(|session| session.is_closed()) {
            self.lose();
        }
        self.session.clone()
    }

    /// The server frees the locks with their connection, so the claims are lost.
    fn lose(&mut self) {
        // A note that waits for the old session must not be taken for one of the next.
        if let Some(pending) = self.pending.take() {
            pending.abort();
        }
        self.session = None;
        self.held.clear();
    }

    /// The connection, or a new one, which holds nothing yet.
    async fn connected(&mut self) -> Result<Arc<Session>, Fault> {
        if let Some(session) = self.session() {
            return Ok(session);
        }
        let session = Arc::new(self.settings.connect(&Handle::current()).await?);
        session.batch("SET synchronous_commit = off").await?;
        Ok(Arc::clone(self.session.insert(session)))
    }

    /// Finds out whether the connection is still there.
    async fn check(&mut self) {
        let Some(session) = self.session().filter(|_| !self.held.is_empty()) else { return };
        if self.pinged.elapsed() < PING_INTERVAL {
            return;
        }
        let answered = tokio::time::timeout(ANSWER_TIMEOUT, session.batch("")).await;
        if !matches!(answered, Ok(Ok(()))) {
            self.lose();
        }
        self.pinged = Instant::now();
    }
}

async fn locked(session: &Session, group: &str) -> Result<bool, Fault> {
    let row = session.first(include_str!("sql/take_claim.sql"), &[&lock(group)]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?.unwrap_or(false))
}
