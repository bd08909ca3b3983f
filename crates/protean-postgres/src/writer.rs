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
use std::time::Duration;

use protean_port::message::Lane;
use protean_port::port::{Changes, Outcome};
use protean_port::{Error, Result};
use protean_sql::{Job, start_thread};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::commit::Committer;
use crate::connection::Settings;
use crate::error::Fault;
use crate::signal::Announced;
use crate::wake;

/// How long a list that can wait is kept for the next transaction.
const LONGEST_WAIT: Duration = Duration::from_millis(10);

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
    let mut waiting = Waiting::default();
    while let Some(mut jobs) = waiting.next(&mut queue).await {
        committer.commit(&mut jobs).await;
        while jobs.front().is_some_and(Job::is_settled) {
            jobs.pop_front().into_iter().for_each(Job::finish);
        }
        waiting.put_back(jobs);
    }
    committer.end().await;
}

/// What a writer has taken from its queue and not written. Lists that can wait go along with
/// the next transaction, or soon on their own: a transaction costs the server as much as many
/// units do.
#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// Lists that can wait.
    later: VecDeque<Job>,
    later_until: Option<Instant>,
}

impl Waiting {
    /// The lists of the next transaction; none once the store closes and all is written.
    async fn next(&mut self, queue: &mut Queue) -> Option<VecDeque<Job>> {
        let mut is_closed = false;
        while self.jobs.is_empty() && !is_closed {
            let received = match self.later_until {
                Some(until) => tokio::time::timeout_at(until, queue.recv()).await,
                None => Ok(queue.recv().await),
            };
            match received {
                Ok(Some(job)) => self.add(job),
                Ok(None) => is_closed = true,
                Err(_) => break,
            }
        }
        while let Ok(job) = queue.try_recv() {
            self.add(job);
        }
        let mut jobs = std::mem::take(&mut self.jobs);
        jobs.append(&mut self.later);
        self.later_until = None;
        (!jobs.is_empty()).then_some(jobs)
    }

    fn add(&mut self, job: Job) {
        if job.can_wait() {
            self.later_until.get_or_insert_with(|| Instant::now() + LONGEST_WAIT);
            self.later.push_back(job);
        } else {
            self.jobs.push_back(job);
        }
    }

    /// Takes back what a transaction has left.
    fn put_back(&mut self, jobs: VecDeque<Job>) {
        self.jobs = jobs;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use protean_port::message::Lane;
    use protean_port::port::Changes;
    use protean_sql::Job;
    use tokio::sync::mpsc;
    use tokio::time::Instant;

    use super::{LONGEST_WAIT, Waiting};

    fn job(redone_if_lost: bool) -> Job {
        let unit = Changes { redone_if_lost, ..Changes::new(Lane::Primary) };
        Job::new(Arc::from([unit])).0
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_wait_goes_along_with_the_next_transaction() {
        let (sender, mut queue) = mpsc::unbounded_channel();
        sender.send(job(true)).unwrap();
        let late = tokio::spawn(async move {
            tokio::time::sleep(LONGEST_WAIT / 2).await;
            sender.send(job(false)).unwrap();
            sender
        });
        let began = Instant::now();
        let jobs = Waiting::default().next(&mut queue).await.unwrap();
        assert_eq!(Vec::from_iter(jobs.iter().map(Job::can_wait)), [false, true]);
        assert!(began.elapsed() < LONGEST_WAIT);
        drop(late.await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_wait_does_not_wait_long_nor_when_the_store_closes() {
        let (sender, mut queue) = mpsc::unbounded_channel();
        let (mut waiting, began) = (Waiting::default(), Instant::now());
        sender.send(job(true)).unwrap();
        assert_eq!(waiting.next(&mut queue).await.unwrap().len(), 1);
        assert!((LONGEST_WAIT..LONGEST_WAIT + Duration::from_millis(2)).contains(&began.elapsed()));
        sender.send(job(true)).unwrap();
        drop(sender);
        let closed = Instant::now();
        assert_eq!(waiting.next(&mut queue).await.unwrap().len(), 1);
        assert!(waiting.next(&mut queue).await.is_none());
        assert_eq!(closed.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_transaction_has_left_comes_first() {
        let (_sender, mut queue) = mpsc::unbounded_channel();
        let mut waiting = Waiting::default();
        waiting.put_back([job(false)].into());
        assert_eq!(waiting.next(&mut queue).await.unwrap().len(), 1);
    }
}
