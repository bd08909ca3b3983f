//! Bulk work takes turns over all processes of a machine that use one database.
//!
//! ```text
//! queue: the process that comes next ─▶ turn: the process that has its turn
//! ```
//! There is a turn for each core. While there is production, one of them is left free for it.
//!
//! Both are names that one process at a time can hold, and that end with it. A process that ends
//! its turn passes the queue before it takes another, so that turns alternate.

use std::io;
#[cfg(target_os = "linux")]
use std::io::Read;
use std::num::NonZero;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
#[cfg(target_os = "linux")]
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use protean_port::port::{CommitWatch, StepTime};
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::production_steps::{BulkStep, ProductionSteps};

/// How long a step waits for the other processes. One that is stopped must not stop bulk work.
const LONGEST_WAIT: Duration = Duration::from_millis(200);
/// How long a process may rest with a turn in hand: with the step, others wait for less than they
/// would at most.
pub const LONGEST_TURN_REST: Duration = Duration::from_millis(100);
/// How long other processes are not waited for once one of them has held its turn for so long.
const SUSPENSION: Duration = Duration::from_secs(5);

/// How many steps of bulk work run at once beside production on a machine with this many cores: one
/// core is left without.
pub fn bulk_turns(cores: usize) -> usize {
    cores.saturating_sub(1).max(1)
}

/// The turns of all processes of this machine that use one database.
#[derive(Debug)]
pub struct MachineTurns {
    /// None where there are no other processes: in memory.
    names: Option<TurnNames>,
    waits: Mutex<Waits>,
    /// What bulk work of this process steps aside for.
    pub(super) production: ProductionSteps,
}

/// A turn of this process; it ends when it is dropped.
#[derive(Debug)]
pub struct MachineTurn {
    _step: BulkStep,
    _held: Option<HeldName>,
}

/// What this process knows of the others.
#[derive(Debug, Default)]
struct Waits {
    /// Asks for a turn that is not free, in a thread of its own.
    queued: Option<Sender<Request>>,
    /// Until then the others are not waited for.
    suspended_until: Option<Instant>,
}

/// A step of bulk work that waits for a turn.
struct Request {
    /// How many of the turns it may take.
    turns: usize,
    reply: oneshot::Sender<HeldName>,
}

impl MachineTurns {
    /// The turns of the processes that use the database at this place.
    pub(crate) fn at(uri: Option<&str>) -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        Self::of(uri.map(|uri| TurnNames::of(uri, cores)), ProductionSteps::default())
    }

    /// The same turns for work that nobody waits for, beside these arrivals of production.
    pub(crate) fn unhurried(&self, arrivals: CommitWatch) -> Self {
        Self::of(self.names.clone(), self.production.unhurried(arrivals))
    }

    fn of(names: Option<TurnNames>, production: ProductionSteps) -> Self {
        Self { names, waits: Mutex::default(), production }
    }

    /// Bulk work steps aside for the changes of this watch as well.
    pub(crate) fn step_aside_for(&self, arrivals: CommitWatch) {
        self.production.watch(arrivals);
    }

    /// True when production has paused for so long that bulk work may have every core.
    pub fn is_quiet(&self) -> bool {
        self.production.is_quiet()
    }

    /// How long a step should take now.
    pub fn step_time(&self, of: StepTime) -> Duration {
        if self.is_quiet() { of.alone } else { of.beside_production }
    }

    /// Waits for a turn, though not for long, and until production pauses. Cancel safe.
    pub async fn take(&self) -> MachineTurn {
        self.take_rested(async {}).await
    }

    /// The same, and rests before the step begins. A rest is to be shorter than
    /// [`LONGEST_TURN_REST`], or the other processes stop waiting. Cancel safe.
    pub async fn take_rested(&self, rest: impl Future<Output = ()>) -> MachineTurn {
        self.production.before_turn().await;
        let held = self.take_name().await;
        // With the turn in hand, so that bulk work of other processes rests and waits as well.
        rest.await;
        MachineTurn { _step: self.production.pass().await, _held: held }
    }

    /// Does not wait at all where names cannot be held.
    async fn take_name(&self) -> Option<HeldName> {
        let names = self.names.as_ref().filter(|_| !self.is_suspended())?;
        let cores = names.turns.len();
        let turns = if self.is_quiet() { cores } else { bulk_turns(cores) };
        match names.try_take(turns) {
            Ok(Some(held)) => Some(held),
            Ok(None) => self.wait(names, turns).await,
            Err(_) => None,
        }
    }

    async fn wait(&self, names: &TurnNames, turns: usize) -> Option<HeldName> {
        let (reply, taken) = oneshot::channel();
        self.queue(names, Request { turns, reply });
        match tokio::time::timeout(LONGEST_WAIT, taken).await {
            Ok(taken) => taken.ok(),
            Err(_) => {
                self.waits().suspended_until = Some(Instant::now() + SUSPENSION);
                None
            }
        }
    }

    fn queue(&self, names: &TurnNames, request: Request) {
        let mut waits = self.waits();
        let queued = waits.queued.get_or_insert_with(|| {
            let ((queued, requests), names) = (channel(), names.clone());
            // Without the thread each request is dropped, and its step goes on at once.
            let spawned = std::thread::Builder::new()
                .name("protean-turns".into())
                .spawn(move || names.take_queued(requests));
            drop(spawned);
            queued
        });
        queued.send(request).unwrap_or_default();
    }

    fn is_suspended(&self) -> bool {
        self.waits().suspended_until.is_some_and(|until| Instant::now() < until)
    }

    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The names of a database that processes hold.
#[derive(Clone, Debug)]
struct TurnNames {
    queue: String,
    /// One for each core.
    turns: Vec<String>,
}

impl TurnNames {
    fn of(uri: &str, cores: usize) -> Self {
        // The name does not show the password that a URI may hold.
        let database = Uuid::new_v5(&Uuid::NAMESPACE_URL, uri.as_bytes());
        let turns = (0..cores).map(|turn| format!("protean-{database}-turn-{turn}")).collect();
        Self { queue: format!("protean-{database}-queue"), turns }
    }

    /// One of the first turns, when one is free and no process waits for it.
    fn try_take(&self, turns: usize) -> io::Result<Option<HeldName>> {
        match HeldName::try_hold(&self.queue)? {
            // Others come first.
            None => Ok(None),
            Some(_next) => Self::try_turns(&self.turns[..turns]),
        }
    }

    fn try_turns(turns: &[String]) -> io::Result<Option<HeldName>> {
        for turn in turns {
            if let Some(held) = HeldName::try_hold(turn)? {
                return Ok(Some(held));
            }
        }
        Ok(None)
    }

    /// Takes a turn for each request, however long it takes.
    fn take_queued(self, requests: Receiver<Request>) {
        for Request { turns, reply } in requests {
            if !reply.is_closed()
                && let Ok(turn) = self.take(turns)
            {
                // A step that has stopped waiting gives the turn back.
                reply.send(turn).map_or_else(drop, drop);
            }
        }
    }

    fn take(&self, turns: usize) -> io::Result<HeldName> {
        let _next = HeldName::hold(&self.queue)?;
        let turns = &self.turns[..turns];
        match Self::try_turns(turns)? {
            Some(turn) => Ok(turn),
            None => HeldName::hold(&turns[std::process::id() as usize % turns.len()]),
        }
    }
}

/// A name that this process holds: a socket without a file, which ends with its process.
#[cfg(target_os = "linux")]
#[derive(Debug)]
struct HeldName {
    _listener: UnixListener,
}

#[cfg(target_os = "linux")]
impl HeldName {
    fn try_hold(name: &str) -> io::Result<Option<Self>> {
        match UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?) {
            Ok(listener) => Ok(Some(Self { _listener: listener })),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Waits until nobody holds the name.
    fn hold(name: &str) -> io::Result<Self> {
        let address = SocketAddr::from_abstract_name(name)?;
        loop {
            if let Some(held) = Self::try_hold(name)? {
                return Ok(held);
            }
            // Nobody answers: the connection ends when the name is free.
            match UnixStream::connect_addr(&address) {
                Ok(mut ends) => drop(ends.read(&mut [0])),
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Elsewhere there are no such names, and each process takes turns of its own.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
struct HeldName;

#[cfg(not(target_os = "linux"))]
impl HeldName {
    fn try_hold(_name: &str) -> io::Result<Option<Self>> {
        Ok(Some(Self))
    }

    fn hold(_name: &str) -> io::Result<Self> {
        Ok(Self)
    }
}

#[cfg(test)]
#[path = "machine_turns_tests.rs"]
mod tests;
