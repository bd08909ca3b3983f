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
//! connection. A holder that lost it is told by its next note; what it settles
//! late changes nothing, since marks and progress are checked by each commit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, mpsc as blocking};
use std::time::Duration;

use protean_port::port::Claim;
use protean_port::{Error, Result};
use protean_sql::{signed, unsigned};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::connection::{Parameter, Session, Settings};
use crate::error::Fault;
use crate::value::Text;

/// How long a note may take to leave this process.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often the connection is asked whether it is still there.
const ASK: Duration = Duration::from_secs(2);
/// A note is on its way once its statement and the connection have had their turns.
const TURNS: usize = 4;

/// The claims of a store. Their thread starts with the first.
pub(crate) struct Claims {
    settings: Settings,
    orders: Mutex<Option<Orders>>,
}

type Orders = mpsc::UnboundedSender<Order>;
type Taken = Option<Vec<u64>>;
type Written = blocking::SyncSender<Result<(), String>>;

enum Order {
    Take(Arc<str>, oneshot::Sender<Result<Taken, Fault>>),
    Note(Arc<str>, Vec<i64>, Written),
    Drop(Arc<str>),
}

/// A claim that is held.
struct Held {
    group: Arc<str>,
    left: Vec<u64>,
    orders: Orders,
    settings: Settings,
}

impl Claims {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, orders: Mutex::default() }
    }

    /// Takes the lock of a group; nothing when it is held already, by this
    /// process or another.
    pub(crate) async fn take(&self, group: &str) -> Result<Option<Box<dyn Claim>>> {
        let (orders, group) = (self.orders()?, Arc::<str>::from(group));
        let (reply, taken) = oneshot::channel();
        let ended = |()| Error::unavailable("the thread that holds claims has ended");
        let sent = orders.send(Order::Take(Arc::clone(&group), reply));
        sent.map_err(|_| ended(()))?;
        let taken = taken.await.map_err(|_| ended(()))?;
        let taken = taken.map_err(|fault| self.settings.explain(fault))?;
        let settings = self.settings.clone();
        let held = |left| Box::new(Held { group, left, orders, settings }) as Box<dyn Claim>;
        Ok(taken.map(held))
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

    fn note(&self, positions: &[u64]) -> Result {
        let (written, done) = blocking::sync_channel(1);
        let positions = positions.iter().map(|position| signed(*position)).collect();
        // Without an answer the thread has ended, which the wait says as well.
        self.orders.send(Order::Note(Arc::clone(&self.group), positions, written)).unwrap_or(());
        let told = done.recv_timeout(PATIENCE).unwrap_or_else(|e| Err(e.to_string()));
        told.map_err(|why| {
            let (group, place) = (&self.group, &self.settings.place);
            Error::unavailable(format!(
                "what '{group}' is handling cannot be noted in the database {place}: {why}"
            ))
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // A thread that has ended holds nothing.
        self.orders.send(Order::Drop(Arc::clone(&self.group))).unwrap_or(());
    }
}

/// FNV-1a: the same in every process and release.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The name of a group's lock.
fn lock(group: &str) -> i64 {
    hash(&format!("protean claim {group}")).cast_signed()
}

fn serve(settings: Settings, mut orders: mpsc::UnboundedReceiver<Order>) {
    // Without a runtime the orders are dropped, which tells whoever waits.
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let mut desk = Desk { settings, session: None, pending: None, held: HashMap::new() };
        loop {
            match tokio::time::timeout(ASK, orders.recv()).await {
                Ok(Some(order)) => desk.carry_out(order).await,
                Ok(None) => return,
                Err(_) => desk.look().await,
            }
        }
    });
}

/// What the thread works with.
struct Desk {
    settings: Settings,
    session: Option<Arc<Session>>,
    /// The note that is on its way.
    pending: Option<JoinHandle<()>>,
    /// The groups claimed by this store; false when another process has the lock.
    held: HashMap<Arc<str>, bool>,
}

impl Desk {
    async fn carry_out(&mut self, order: Order) {
        match order {
            Order::Take(group, reply) => {
                let taken = self.take(&group).await;
                let is_taken = matches!(taken, Ok(Some(_)));
                if is_taken {
                    self.held.insert(Arc::clone(&group), true);
                }
                // Whoever asked may be gone; then nobody will drop the claim.
                if reply.send(taken).is_err() && is_taken {
                    self.give_up(&group).await;
                }
            }
            Order::Note(group, positions, written) => {
                let noted = self.note(group, positions).await;
                written.send(noted).unwrap_or_default();
            }
            Order::Drop(group) => self.give_up(&group).await,
        }
    }

    async fn take(&mut self, group: &Arc<str>) -> Result<Taken, Fault> {
        let session = self.connected().await?;
        if self.held.contains_key(group) || !locked(&session, group).await? {
            return Ok(None);
        }
        let read = session.first(include_str!("sql/read_notes.sql"), &[&Text(group)]).await;
        let notes = read.and_then(|row| {
            Ok(row.map(|row| row.try_get::<_, Vec<i64>>(0)).transpose()?.unwrap_or_default())
        });
        if notes.is_err() {
            self.give_up(group).await;
        }
        Ok(Some(notes?.into_iter().map(unsigned).collect()))
    }

    async fn note(&mut self, group: Arc<str>, positions: Vec<i64>) -> Result<(), String> {
        if let Some(pending) = self.pending.take()
            && tokio::time::timeout(PATIENCE, pending).await.is_err()
        {
            self.session = None;
        }
        let place = self.settings.place.clone();
        let session = self.connected().await.map_err(|fault| fault.describe(&place))?;
        if self.held.get(&group) != Some(&true) {
            return Err("another process reads for the group now".into());
        }
        let sql = include_str!("sql/write_notes.sql");
        session.prepared(sql).await.map_err(|fault| fault.describe(&place))?;
        let pending = tokio::spawn(async move {
            let row: [Parameter<'_>; 2] = [&Text(&group), &positions];
            // One that fails with its connection is followed by one that says so.
            session.execute(sql, &row).await.unwrap_or_default();
        });
        self.pending = Some(pending);
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn give_up(&mut self, group: &Arc<str>) {
        self.held.remove(group);
        if let Some(session) = &self.session {
            let sql = include_str!("sql/give_claim_up.sql");
            // A connection that is lost holds nothing.
            session.query(sql, &[&lock(group)]).await.map(drop).unwrap_or_default();
        }
    }

    /// The connection; a new one takes the locks again that the last one held.
    async fn connected(&mut self) -> Result<Arc<Session>, Fault> {
        if let Some(session) = self.session.as_ref().filter(|session| !session.is_closed()) {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(self.settings.connect(&Handle::current()).await?);
        for (group, held) in &mut self.held {
            *held = *held && locked(&session, group).await?;
        }
        session.batch("SET synchronous_commit = off").await?;
        Ok(Arc::clone(self.session.insert(session)))
    }

    /// Finds out whether the connection is still there, and opens it again if not.
    async fn look(&mut self) {
        if self.held.is_empty() {
            return;
        }
        if let Some(session) = &self.session {
            let asked = tokio::time::timeout(PATIENCE, session.batch("")).await;
            if !matches!(asked, Ok(Ok(()))) {
                self.session = None;
            }
        }
        // What cannot be opened now is tried again by the next look or note.
        let Ok(session) = self.connected().await else { return };
        for (group, held) in self.held.iter_mut().filter(|(_, held)| !**held) {
            *held = locked(&session, group).await.unwrap_or(false);
        }
    }
}

async fn locked(session: &Session, group: &str) -> Result<bool, Fault> {
    let row = session.first(include_str!("sql/take_claim.sql"), &[&lock(group)]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?.unwrap_or(false))
}
