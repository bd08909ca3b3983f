//! The only thread that writes.
//!
//! ```text
//! primary  ─▶ everything queued, in one transaction ──┐
//! backfill ─▶ as many units as take about 8 ms        ├▶ COMMIT ─▶ replies ─▶ again
//! ```
//! Work that arrives during a commit becomes the next transaction. This thread also drives
//! the other connections of the store, so that a user's handler never holds them up.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use protean_port::message::Lane;
use protean_port::port::{Changes, Outcome};
use protean_port::{Error, Result};
use protean_sql::{Job, start_thread};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Notify, oneshot};

use crate::commit::Committer;
use crate::connection::Settings;
use crate::error::Fault;
use crate::signal::Signal;
use crate::wake;

/// The queues of the writer thread. When dropped, the thread first finishes the queued work.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    queues: Mutex<Queues>,
    arrived: Notify,
    closing: Arc<AtomicBool>,
}

#[derive(Default)]
struct Queues {
    primary: VecDeque<Job>,
    backfill: VecDeque<Job>,
}

impl Writer {
    /// Starts the thread and opens the connection that writes and the one that listens.
    /// The handle drives the other connections.
    pub(crate) async fn start(settings: Settings, signal: Arc<Signal>) -> Result<(Self, Handle)> {
        let (opened, ready) = oneshot::channel();
        let shared = Arc::new(Shared::default());
        let (served, database) = (Arc::clone(&shared), settings.clone());
        let serve = move || serve(settings, signal, &served, opened);
        let writer = Self { shared, thread: Some(start_thread("postgres-writer", serve)?) };
        match ready.await {
            Ok(Ok(handle)) => Ok((writer, handle)),
            Ok(Err(fault)) => Err(database.explain(fault)),
            Err(_) => Err(Error::failed("the writer thread panicked at its start; see the log")),
        }
    }

    /// Queues a list immediately; the future resolves to the outcomes of its units.
    pub(crate) fn commit(
        &self,
        units: Arc<[Changes]>,
    ) -> impl Future<Output = Vec<Outcome>> + Send + use<> {
        let (job, settled) = Job::new(Arc::clone(&units));
        let mut queues = self.shared.lock();
        match job.lane() {
            Lane::Primary => queues.primary.push_back(job),
            Lane::Backfill => queues.backfill.push_back(job),
        }
        drop(queues);
        self.shared.arrived.notify_one();
        async move {
            settled.await.unwrap_or_else(|_| {
                let closed = "the writer thread has ended; restart the process";
                vec![Outcome::Unavailable(closed.into()); units.len()]
            })
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
        self.shared.arrived.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            thread.join().unwrap_or_default();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(
    settings: Settings,
    signal: Arc<Signal>,
    shared: &Shared,
    opened: oneshot::Sender<Result<Handle, Fault>>,
) {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let message = format!("the writer thread cannot open connections: {error}");
            return opened.send(Err(Fault::Unusable(message))).unwrap_or_default();
        }
    };
    runtime.block_on(async {
        let handle = Handle::current();
        let session = match settings.connect(&handle).await {
            Ok(session) => session,
            Err(fault) => return opened.send(Err(fault)).unwrap_or_default(),
        };
        let listening = wake::listen(settings.clone(), Arc::clone(&signal)).await;
        if let Err(fault) = listening {
            return opened.send(Err(fault)).unwrap_or_default();
        }
        opened.send(Ok(handle)).unwrap_or_default();
        let closing = Arc::clone(&shared.closing);
        let committer = Committer::new(settings, session, signal, closing);
        WriterLoop { shared, committer, primary: VecDeque::new(), backfill: VecDeque::new() }
            .run()
            .await;
    });
}

/// The writer thread and what it owns.
struct WriterLoop<'a> {
    shared: &'a Shared,
    committer: Committer,
    primary: VecDeque<Job>,
    backfill: VecDeque<Job>,
}

impl WriterLoop<'_> {
    async fn run(mut self) {
        while let Some(lane) = self.next().await {
            let jobs = match lane {
                Lane::Primary => &mut self.primary,
                Lane::Backfill => &mut self.backfill,
            };
            self.committer.commit(jobs, lane).await;
            while jobs.front().is_some_and(Job::is_settled) {
                jobs.pop_front().into_iter().for_each(Job::finish);
            }
        }
        self.committer.end().await;
    }

    /// The lane that goes first, once there is work.
    async fn next(&mut self) -> Option<Lane> {
        loop {
            let closing = self.shared.closing.load(Ordering::Acquire);
            self.take();
            if !self.primary.is_empty() {
                return Some(Lane::Primary);
            }
            if !self.backfill.is_empty() {
                return Some(Lane::Backfill);
            }
            if closing {
                return None;
            }
            self.shared.arrived.notified().await;
        }
    }

    fn take(&mut self) {
        let mut queues = self.shared.lock();
        self.primary.append(&mut queues.primary);
        self.backfill.append(&mut queues.backfill);
    }
}
