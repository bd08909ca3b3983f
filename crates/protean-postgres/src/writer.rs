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
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use protean_port::message::Lane;
use protean_port::port::{Changes, Outcome};
use protean_port::{Error, Result};
use protean_sql::{Job, start_thread};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot};

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
        let production = Writer::start("postgres-writer", |queue, closing| {
            write_production(settings, announced, queue, closing, opened)
        })?;
        let handle = match ready.await {
            Ok(Ok(handle)) => handle,
            Ok(Err(fault)) => return Err(database.explain(fault)),
            Err(_) => {
                return Err(Error::failed("the writer thread panicked at its start; see the log"));
            }
        };
        let backfill = Writer::start("postgres-bulk", |queue, closing| {
            write_all(Committer::new(database, Lane::Backfill, None, bulk, closing), queue)
        })?;
        Ok((Self { production, backfill }, handle))
    }

    /// Queues a list immediately; the future resolves to the outcomes of its units.
    pub(crate) fn commit(
        &self,
        units: Arc<[Changes]>,
    ) -> impl Future<Output = Vec<Outcome>> + Send + use<> {
        let (job, settled) = Job::new(Arc::clone(&units));
        let writer = match job.lane() {
            Lane::Primary => &self.production,
            Lane::Backfill => &self.backfill,
        };
        if let Some(queue) = &writer.queue {
            // A thread that has ended drops the list, which the wait below notices.
            queue.send(job).unwrap_or_default();
        }
        async move {
            settled.await.unwrap_or_else(|_| {
                let closed = "the writer thread has ended; restart the process";
                vec![Outcome::Unavailable(closed.into()); units.len()]
            })
        }
    }
}

type Queue = mpsc::UnboundedReceiver<Job>;

/// A thread that writes what is queued. When dropped, it first finishes the queued work.
struct Writer {
    /// None while it is dropped.
    queue: Option<mpsc::UnboundedSender<Job>>,
    closing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    fn start<W: Future<Output = ()>>(
        name: &'static str,
        write: impl FnOnce(Queue, Arc<AtomicBool>) -> W + Send + 'static,
    ) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let cannot = "the writer thread cannot open connections; raise the limit of open files";
        let runtime = runtime.map_err(|error| Error::unavailable(cannot).with_source(error))?;
        let (queue, received) = mpsc::unbounded_channel();
        let closing = Arc::<AtomicBool>::default();
        let ends = Arc::clone(&closing);
        let thread = start_thread(name, move || runtime.block_on(write(received, ends)))?;
        Ok(Self { queue: Some(queue), closing, thread: Some(thread) })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Release);
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            thread.join().unwrap_or_default();
        }
    }
}

async fn write_production(
    settings: Settings,
    announced: Announced,
    queue: Queue,
    closing: Arc<AtomicBool>,
    opened: oneshot::Sender<Result<Handle, Fault>>,
) {
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
    let committer = Committer::new(settings, Lane::Primary, Some(session), announced, closing);
    write_all(committer, queue).await;
}

/// Writes what is queued until the store closes.
async fn write_all(mut committer: Committer, mut queue: Queue) {
    let mut jobs = VecDeque::new();
    loop {
        if jobs.is_empty() {
            let Some(job) = queue.recv().await else { break };
            jobs.push_back(job);
        }
        jobs.extend(std::iter::from_fn(|| queue.try_recv().ok()));
        committer.commit(&mut jobs).await;
        while jobs.front().is_some_and(Job::is_settled) {
            jobs.pop_front().into_iter().for_each(Job::finish);
        }
    }
    committer.end().await;
}
