//! The one thread that writes.
//!
//! ```text
//! primary  ─▶ all that is queued, in one transaction ─┐
//! backfill ─▶ units for about 2 ms, or until          ├▶ COMMIT ─▶ replies ─▶ again
//!             primary work arrives                    ┘
//! ```
//! Whatever arrives while a commit runs is the next transaction.

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

use crate::checkpoint::Tally;
use crate::commit::{Committer, Manners};
use crate::connection::Settings;
use crate::step::reached;
use crate::wake::Signal;

/// The queues of the writer thread. Dropping it lets the thread finish what is queued.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Asks the thread whether others have committed.
#[derive(Clone)]
pub(crate) struct Asker(Arc<Shared>);

type Task = Box<dyn FnOnce(&mut Committer) + Send>;

#[derive(Default)]
struct Shared {
    queues: Mutex<Queues>,
    arrived: Condvar,
    /// True while work waits that goes before backfill.
    urgent: AtomicBool,
}

#[derive(Default)]
struct Queues {
    tasks: VecDeque<Task>,
    primary: VecDeque<Job>,
    backfill: VecDeque<Job>,
    asked: bool,
    closed: bool,
}

enum Work {
    Task(Task),
    Units(Lane),
    Look,
    End,
}

impl Asker {
    /// Announces the commits of others, as soon as the thread gets to it.
    pub(crate) fn ask(&self) {
        self.0.push(|queues| {
            queues.asked = true;
            false
        });
    }
}

impl Writer {
    /// Opens the connection that writes and starts its thread.
    pub(crate) fn start(
        settings: Settings,
        signal: Arc<Signal>,
        checkpoints: Arc<Tally>,
    ) -> Result<Self> {
        let committer = Committer::new(settings, signal, checkpoints)?;
        let shared = Arc::new(Shared::default());
        let desk = Desk {
            shared: Arc::clone(&shared),
            committer,
            primary: VecDeque::new(),
            backfill: VecDeque::new(),
        };
        let thread = start_thread("sqlite-writer", || desk.work())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The one who may ask the thread to look.
    pub(crate) fn asker(&self) -> Asker {
        Asker(Arc::clone(&self.shared))
    }

    /// Queues a list at once; the future tells what became of it.
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
                let closed = "the thread that writes has ended; restart the process";
                vec![Outcome::Unavailable(closed.into()); units.len()]
            })
        }
    }

    /// Runs something else on the connection that writes, between transactions.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Committer) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, done) = oneshot::channel::<Result<T>>();
        self.shared.push(|queues| {
            queues.tasks.push_back(Box::new(move |committer| {
                // Whoever asked may be gone.
                let _ = reply.send(task(committer));
            }));
            true
        });
        done.await
            .unwrap_or_else(|_| Err(Error::failed("the thread that writes has failed at this")))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.push(|queues| {
            queues.closed = true;
            false
        });
        if let Some(thread) = self.thread.take() {
            // It catches its panics, so there is nothing to learn from the result.
            thread.join().unwrap_or_default();
        }
    }
}

impl Shared {
    /// Changes the queues; `change` says whether the work is urgent.
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

/// What the thread works with.
struct Desk {
    shared: Arc<Shared>,
    committer: Committer,
    primary: VecDeque<Job>,
    backfill: VecDeque<Job>,
}

impl Desk {
    fn work(mut self) {
        loop {
            match self.next() {
                Work::Task(task) => self.run(task),
                Work::Units(lane) => self.commit(lane),
                Work::Look => self.committer.look(),
                Work::End => return,
            }
        }
    }

    /// Takes what goes first, or waits for something to come.
    fn next(&mut self) -> Work {
        let mut queues = self.shared.lock();
        loop {
            if std::mem::take(&mut queues.asked) {
                return Work::Look;
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
        let manners = Manners { lane, urgent: &urgent };
        if catch_unwind(AssertUnwindSafe(|| committer.commit(jobs, &manners))).is_err() {
            committer.recover();
            let why = "writing failed in an unforeseen way; see the log for the panic";
            jobs.iter_mut().for_each(|job| job.give_up(why));
        }
        while jobs.front().is_some_and(Job::is_settled) {
            jobs.pop_front().into_iter().for_each(Job::finish);
            reached("after the reply");
        }
    }

    fn run(&mut self, task: Task) {
        let committer = &mut self.committer;
        committer.renew();
        if catch_unwind(AssertUnwindSafe(|| task(committer))).is_err() {
            committer.recover();
        }
    }
}
