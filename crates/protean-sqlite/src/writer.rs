//! The only thread that writes.
//!
//! ```text
//! primary  ─▶ everything queued, in one transaction ──┐
//! backfill ─▶ units for about 1 ms, or until          ├▶ COMMIT ─▶ replies ─▶ again
//!             primary work arrives                    ┘
//! ```
//! Work that arrives during a commit becomes the next transaction.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use protean_port::message::Lane;
use protean_port::port::{Changes, Outcome};
use protean_port::{Error, Result};
use protean_sql::{Job, start_thread};
use tokio::sync::oneshot;

use crate::checkpoint::CommitCounter;
use crate::commit::{Committer, YieldPolicy};
use crate::connection::Settings;
use crate::signal::Signal;
use crate::step::reached;

/// The queues of the writer thread. When dropped, the thread first finishes the queued work.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Makes the thread check whether other processes have committed.
#[derive(Clone)]
pub(crate) struct PollHandle(Arc<Shared>);

type Task = Box<dyn FnOnce(&mut Committer) + Send>;

#[derive(Default)]
struct Shared {
    queues: Mutex<Queues>,
    arrived: Condvar,
    /// True while work is waiting that goes before backfill.
    urgent: AtomicBool,
}

#[derive(Default)]
struct Queues {
    tasks: VecDeque<Task>,
    primary: VecDeque<Job>,
    backfill: VecDeque<Job>,
    poll_requested: bool,
    closed: bool,
}

enum Work {
    Task(Task),
    Units(Lane),
    Poll,
    End,
}

impl PollHandle {
    /// Requests a check; the thread makes it before its next transaction.
    pub(crate) fn poll(&self) {
        self.0.push(|queues| {
            queues.poll_requested = true;
            false
        });
    }
}

impl Writer {
    /// Opens the connection that writes and starts its thread.
    pub(crate) fn start(
        settings: Settings,
        signal: Arc<Signal>,
        checkpoints: Arc<CommitCounter>,
    ) -> Result<Self> {
        let committer = Committer::new(settings, signal, checkpoints)?;
        let shared = Arc::new(Shared::default());
        let writer = WriterLoop {
            shared: Arc::clone(&shared),
            committer,
            primary: VecDeque::new(),
            backfill: VecDeque::new(),
        };
        let thread = start_thread("sqlite-writer", || writer.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The handle with which another thread requests a check.
    pub(crate) fn poll_handle(&self) -> PollHandle {
        PollHandle(Arc::clone(&self.shared))
    }

    /// Queues a list immediately; the future resolves to the outcomes of its units.
    pub(crate) fn commit(
        &self,
        units: Arc<[Changes]>,
    ) -> impl Future<Output = Vec<Outcome>> + Send + use<> {
        let (job, settled) = Job::new(Arc::clone(&units));
        self.shared.push(|queues| match job.lane() {
            Lane::Primary => {
                queues.primary.push_back(job);
                true
            }
            Lane::Backfill => {
                queues.backfill.push_back(job);
                false
            }
        });
        async move {
            settled.await.unwrap_or_else(|_| {
                let closed = "the writer thread has ended; restart the process";
                vec![Outcome::Unavailable(closed.into()); units.len()]
            })
        }
    }

    /// Runs a task on the connection that writes, between transactions.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Committer) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, done) = oneshot::channel::<Result<T>>();
        self.shared.push(|queues| {
            queues.tasks.push_back(Box::new(move |committer| {
                // The caller may have stopped waiting.
                let _ = reply.send(task(committer));
            }));
            true
        });
        done.await.unwrap_or_else(|_| Err(Error::failed("the writer thread panicked; see the log")))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.push(|queues| {
            queues.closed = true;
            false
        });
        if let Some(thread) = self.thread.take() {
            // The loop catches panics, so the result says nothing.
            thread.join().unwrap_or_default();
        }
    }
}

impl Shared {
    /// Changes the queues; `change` returns whether the new work is urgent.
    fn push(&self, change: impl FnOnce(&mut Queues) -> bool) {
        let mut queues = self.lock();
        if change(&mut queues) {
            self.urgent.store(true, Ordering::Release);
        }
        drop(queues);
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writer thread and what it owns.
struct WriterLoop {
    shared: Arc<Shared>,
    committer: Committer,
    primary: VecDeque<Job>,
    backfill: VecDeque<Job>,
}

impl WriterLoop {
    fn run(mut self) {
        loop {
            match self.next() {
                Work::Task(task) => self.run_task(task),
                Work::Units(lane) => self.commit(lane),
                Work::Poll => self.committer.poll(),
                Work::End => return,
            }
        }
    }

    /// Takes the work that goes first, or waits for work.
    fn next(&mut self) -> Work {
        let mut queues = self.shared.lock();
        loop {
            if std::mem::take(&mut queues.poll_requested) {
                return Work::Poll;
            }
            if let Some(task) = queues.tasks.pop_front() {
                return Work::Task(task);
            }
            self.shared.urgent.store(false, Ordering::Release);
            self.primary.append(&mut queues.primary);
            self.backfill.append(&mut queues.backfill);
            if !self.primary.is_empty() {
                return Work::Units(Lane::Primary);
            }
            if !self.backfill.is_empty() {
                return Work::Units(Lane::Backfill);
            }
            if queues.closed {
                return Work::End;
            }
            queues = self.shared.arrived.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn commit(&mut self, lane: Lane) {
        let Self { shared, committer, .. } = self;
        let jobs = match lane {
            Lane::Primary => &mut self.primary,
            Lane::Backfill => &mut self.backfill,
        };
        let urgent = || shared.urgent.load(Ordering::Acquire);
        let policy = YieldPolicy { lane, urgent: &urgent };
        if catch_unwind(AssertUnwindSafe(|| committer.commit(jobs, &policy))).is_err() {
            committer.recover();
            let why = "the writer panicked; see the log";
            jobs.iter_mut().for_each(|job| job.give_up(why));
        }
        while jobs.front().is_some_and(Job::is_settled) {
            jobs.pop_front().into_iter().for_each(Job::finish);
            reached("after the reply");
        }
    }

    fn run_task(&mut self, task: Task) {
        let committer = &mut self.committer;
        committer.renew();
        if catch_unwind(AssertUnwindSafe(|| task(committer))).is_err() {
            committer.recover();
        }
    }
}
