//! Several server processes, each started again when it dies.
//!
//! ```text
//! server --workers 3 ─┬─▶ server --supervised      stdin: a pipe that only
//!                     ├─▶ server --supervised      the first process holds
//!                     └─▶ server --supervised      open
//! ```
//!
//! A worker takes the end of its standard input for the order to stop. The pipe
//! ends with the process that holds it, however that ends, so none is left behind.

use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use crate::restarts::Restarts;
use crate::shutdown::{Signals, Stop};

/// What a worker may take on top of `server.drain_timeout` to end.
const GRACE: Duration = Duration::from_secs(3);

/// The option that makes a server a worker.
pub(crate) const SUPERVISED: &str = "supervised";

/// What the workers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Work,
    /// Finish what runs, and end.
    Stop,
    /// End at once.
    End,
}

/// How the workers are started and stopped.
#[derive(Clone, Debug)]
pub(crate) struct Workers {
    pub(crate) count: usize,
    /// The file of `--config`.
    pub(crate) config: Option<PathBuf>,
    /// `server.drain_timeout`.
    pub(crate) drain: Duration,
}

/// How it came to an end.
pub(crate) struct Ended {
    /// The first signal.
    pub(crate) by: Stop,
    /// The second one, which ended the workers at once.
    pub(crate) again: Option<Stop>,
    /// How many workers did not stop properly.
    pub(crate) badly: usize,
}

impl Workers {
    /// Keeps the workers running until a signal says stop, and then until all
    /// of them have ended. A second signal ends them at once.
    pub(crate) async fn run(self, mut signals: Signals) -> Ended {
        let (order, orders) = watch::channel(Order::Work);
        let mut running = JoinSet::new();
        for number in 1..=self.count {
            running.spawn(Worker { of: self.clone(), number }.keep(orders.clone()));
        }
        drop(orders);
        let by = signals.next().await;
        info!("{} received: send it again to stop at once", by.name());
        // Nobody listens to a set without workers.
        let _ = order.send(Order::Stop);
        let mut again = None;
        let mut properly = 0;
        loop {
            tokio::select! {
                biased;
                stop = signals.next(), if again.is_none() => {
                    warn!("{} received again: the workers are ended at once", stop.name());
                    again = Some(stop);
                    let _ = order.send(Order::End);
                }
                ended = running.join_next() => match ended {
                    Some(ended) => properly += usize::from(ended.unwrap_or(false)),
                    None => return Ended { by, again, badly: self.count - properly },
                }
            }
        }
    }
}

/// One place among the workers, whichever process is in it.
struct Worker {
    of: Workers,
    number: usize,
}

impl Worker {
    /// Starts a process whenever there is none, until told to stop; true when
    /// the last one ended properly then.
    async fn keep(self, mut orders: watch::Receiver<Order>) -> bool {
        let (mut restarts, name) =
            (Restarts::default(), format!("{} of {}", self.number, self.of.count));
        loop {
            let began = Instant::now();
            let (pid, ended) = match self.start() {
                Ok(child) => {
                    let pid = child.id().unwrap_or_default();
                    info!(pid, "worker {name} started");
                    (pid, self.attend(child, &mut orders).await)
                }
                Err(error) => (0, Err(error)),
            };
            let ended = Told(ended);
            if *orders.borrow() != Order::Work {
                info!(pid, "worker {name} stopped: {ended}");
                return ended.is_proper();
            }
            let wait = restarts.ended(began.elapsed());
            warn!(pid, "worker {name} ended by itself: {ended}; another is started in {wait:?}");
            if timeout(wait, stopped(&mut orders)).await.is_ok() {
                return true;
            }
        }
    }

    /// Starts this same program once more.
    fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["server", &format!("--{SUPERVISED}")]);
        if let Some(config) = &self.of.config {
            command.arg("--config").arg(config);
        }
        // A Ctrl-C is for this process, which tells the workers itself.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()
    }

    /// Waits until a process has ended, and sees to it that it does when told.
    async fn attend(
        &self,
        mut child: Child,
        orders: &mut watch::Receiver<Order>,
    ) -> io::Result<ExitStatus> {
        // Waiting would close it.
        let open = child.stdin.take();
        tokio::select! {
            ended = child.wait() => return ended,
            () = stopped(orders) => drop(open),
        }
        tokio::select! {
            ended = child.wait() => return ended,
            _ = orders.wait_for(|order| *order == Order::End) => {}
            () = sleep(self.of.drain + GRACE) => {}
        }
        child.kill().await?;
        child.wait().await
    }
}

/// Waits until there is nothing to be started any more.
async fn stopped(orders: &mut watch::Receiver<Order>) {
    // Whoever gave orders is gone: that is one as well.
    let _ = orders.wait_for(|order| *order != Order::Work).await;
}

/// How a process ended, or why there was none.
struct Told(io::Result<ExitStatus>);

impl Told {
    fn is_proper(&self) -> bool {
        self.0.as_ref().is_ok_and(ExitStatus::success)
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Ok(status) => status.fmt(f),
            Err(error) => write!(f, "it cannot be run: {error}"),
        }
    }
}

/// For a worker: waits until it is told to stop, or nobody is left to tell it.
pub(crate) async fn told_to_stop() {
    let (tell, told) = oneshot::channel::<()>();
    // A thread of its own: one of the runtime would hold up the end of the process.
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        drop(tell);
    });
    let _ = told.await;
}
