//! Two threads write, one for each lane, and meet only at the log's lock.
//!
//! ```text
//! production ─▶ everything queued, in one transaction ─▶ COMMIT ─▶ replies ─▶ again
//! backfill   ─▶ as many units as take a few ms ────────▶ COMMIT ─▶ replies ─▶ again
//! ```
//! So production waits neither for the rest of a bulk transaction nor for its disk write.
//! Work that arrives during a commit becomes the next transaction of its lane. The thread of
//! production also drives the connections that read, so that a user's handler never holds
//! them up.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use protean_port::message::Lane;
use protean_port::port::{Changes, Outcome};
use protean_port::{Error, Result};
use protean_sql::{Job, start_thread};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Notify, oneshot};

use crate::commit::Committer;
use crate::connection::Settings;
use crate::error::Fault;
use crate::signal::Announced;
use crate::wake;

/// The writers of both lanes.
pub(crate) struct Writers {
    production: Writer,
    backfill: Writer,
}

impl Writers {
    /// Starts the threads, and opens the connection that writes production and the one that
    /// listens; bulk work opens its own when it first comes. The handle drives the other
    /// connections.
    pub(crate) async fn start(settings: Settings, announced: Announced) -> Result<(Self, Handle)> {
        let (opened, ready) = oneshot::channel();
        let (database, bulk) = (settings.clone(), announced.clone());
        let production = Writer::start("postgres-writer", move |queue, closing| {
            write_production(settings, announced, closing, queue, opened);
        })?;
        let handle = match ready.await {
            Ok(Ok(handle)) => handle,
            Ok(Err(fault)) => return Err(database.explain(fault)),
            Err(_) => {
                return Err(Error::failed("the writer thread panicked at its start; see the log"));
            }
        };
        let backfill = Writer::start("postgres-bulk", move |queue, closing| {
            write_backfill(database, bulk, closing, queue);
        })?;
        Ok((Self { production, backfill }, handle))
    }

    /// Queues a list immediately; the future resolves to the outcomes of its units.
    pub(crate) fn commit(
        &self,
        units: Arc<[Changes]>,
    ) -> impl Future<Output = Vec<Outcome>> + Send + use<> {
        let (job, settled) = Job::new(Arc::clone(&units));
        match job.lane() {
            Lane::Primary => self.production.queue.push(job),
            Lane::Backfill => self.backfill.queue.push(job),
        }
        async move {
            settled.await.unwrap_or_else(|_| {
                let closed = "the writer thread has ended; restart the process";
                vec![Outcome::Unavailable(closed.into()); units.len()]
            })
        }
    }
}

/// A thread that writes what is queued. When dropped, it first finishes the queued work.
struct Writer {
    queue: Arc<Queue>,
    closing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    fn start(
        name: &'static str,
        write: impl FnOnce(Arc<Queue>, Arc<AtomicBool>) + Send + 'static,
    ) -> Result<Self> {
        let (queue, closing) = (Arc::<Queue>::default(), Arc::<AtomicBool>::default());
        let (served, ends) = (Arc::clone(&queue), Arc::clone(&closing));
        let thread = start_thread(name, move || write(served, ends))?;
        Ok(Self { queue, closing, thread: Some(thread) })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Release);
        self.queue.arrived.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            thread.join().unwrap_or_default();
        }
    }
}

/// What waits to be written.
#[derive(Default)]
struct Queue {
    jobs: Mutex<VecDeque<Job>>,
    arrived: Notify,
}

impl Queue {
    fn push(&self, job: Job) {
        self.lock().push_back(job);
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn runtime() -> Result<Runtime, Fault> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let failed = |error| format!("the writer thread cannot open connections: {error}");
    runtime.map_err(|error| Fault::Unusable(failed(error)))
}

fn write_production(
    settings: Settings,
    announced: Announced,
    closing: Arc<AtomicBool>,
    queue: Arc<Queue>,
    opened: oneshot::Sender<Result<Handle, Fault>>,
) {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(fault) => return opened.send(Err(fault)).unwrap_or_default(),
    };
    runtime.block_on(async {
        let handle = Handle::current();
        let session = match settings.connect(&handle).await {
            Ok(session) => session,
            Err(fault) => return opened.send(Err(fault)).unwrap_or_default(),
        };
        let listening = wake::listen(settings.clone(), Arc::clone(&announced.signal)).await;
        if let Err(fault) = listening {
            return opened.send(Err(fault)).unwrap_or_default();
        }
        opened.send(Ok(handle)).unwrap_or_default();
        let committer =
            Committer::new(settings, Lane::Primary, Some(session), announced, Arc::clone(&closing));
        write_all(committer, &queue, &closing).await;
    });
}

fn write_backfill(
    settings: Settings,
    announced: Announced,
    closing: Arc<AtomicBool>,
    queue: Arc<Queue>,
) {
    // Without a runtime the jobs are dropped, and their callers learn it.
    let Ok(runtime) = runtime() else { return };
    runtime.block_on(async {
        let committer =
            Committer::new(settings, Lane::Backfill, None, announced, Arc::clone(&closing));
        write_all(committer, &queue, &closing).await;
    });
}

/// Writes what is queued until the store closes.
async fn write_all(mut committer: Committer, queue: &Queue, closing: &AtomicBool) {
    let mut jobs = VecDeque::new();
    loop {
        // Read first: what was queued before the store began to close is still written.
        let is_closing = closing.load(Ordering::Acquire);
        jobs.append(&mut queue.lock());
        if jobs.is_empty() {
            if is_closing {
                break;
            }
            queue.arrived.notified().await;
            continue;
        }
        committer.commit(&mut jobs).await;
        while jobs.front().is_some_and(Job::is_settled) {
            jobs.pop_front().into_iter().for_each(Job::finish);
        }
    }
    committer.end().await;
}
