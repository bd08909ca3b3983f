//! Several server processes, each replaced when it dies.
//!
//! ```text
//! server --workers 3 ─┬─▶ server --supervised      stdin: a pipe that only
//!                     ├─▶ server --supervised      the first process holds
//!                     └─▶ server --supervised      open
//! ```
//!
//! A worker stops when its standard input ends. The pipe closes with the first process,
//! however that process ends, so no worker is left behind.

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

/// How much longer than `server.drain_timeout` a worker may take to stop.
const STOP_GRACE_PERIOD: Duration = Duration::from_secs(3);

/// The option that marks a server as a worker.
pub(crate) const SUPERVISED: &str = "supervised";

/// What the workers shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Run,
    /// Finish the running messages, then stop.
    Drain,
    /// Stop at once.
    Kill,
}

/// How the workers are started and stopped.
#[derive(Clone, Debug)]
pub(crate) struct Workers {
    pub(crate) count: usize,
    /// The file of `--config`.
    pub(crate) config: Option<PathBuf>,
    /// `server.drain_timeout`.
    pub(crate) drain_timeout: Duration,
}

/// How the workers stopped.
pub(crate) struct Stopped {
    /// The first signal.
    pub(crate) stopped_by: Stop,
    /// The second signal, if there was one: it killed the workers.
    pub(crate) killed_by: Option<Stop>,
    /// How many workers did not stop cleanly.
    pub(crate) failed: usize,
}

impl Workers {
    /// Keeps the workers running until the first signal, then waits for them to stop. A
    /// second signal kills them.
    pub(crate) async fn run(self, mut signals: Signals) -> Stopped {
        let (order, orders) = watch::channel(Order::Run);
        let mut running = JoinSet::new();
        for number in 1..=self.count {
            running.spawn(Worker { workers: self.clone(), number }.supervise(orders.clone()));
        }
        drop(orders);
        let stopped_by = signals.next().await;
        let signal = stopped_by.name();
        info!(signal, "signal received, stopping workers; send it again to kill them");
        // Without workers there is no receiver.
        let _ = order.send(Order::Drain);
        let mut killed_by = None;
        let mut clean = 0;
        loop {
            tokio::select! {
                biased;
                stop = signals.next(), if killed_by.is_none() => {
                    warn!(signal = stop.name(), "second signal received, killing workers");
                    killed_by = Some(stop);
                    let _ = order.send(Order::Kill);
                }
                ended = running.join_next() => match ended {
                    Some(ended) => clean += usize::from(ended.unwrap_or(false)),
                    None => return Stopped { stopped_by, killed_by, failed: self.count - clean },
                }
            }
        }
    }
}

/// One worker slot, which outlives the processes in it.
struct Worker {
    workers: Workers,
    number: usize,
}

impl Worker {
    /// Starts a process whenever none runs, until the order changes; true when the last one
    /// stopped cleanly then.
    async fn supervise(self, mut orders: watch::Receiver<Order>) -> bool {
        let mut restarts = Restarts::default();
        let worker = format!("{} of {}", self.number, self.workers.count);
        loop {
            let began = Instant::now();
            let (pid, ended) = match self.start() {
                Ok(child) => {
                    let pid = child.id().unwrap_or_default();
                    info!(pid, %worker, "worker started");
                    (pid, self.wait_or_stop(child, &mut orders).await)
                }
                Err(error) => (0, Err(error)),
            };
            let exit = Exit(ended);
            if *orders.borrow() != Order::Run {
                info!(pid, %worker, %exit, "worker stopped");
                return exit.is_clean();
            }
            let wait = restarts.next_wait(began.elapsed());
            warn!(pid, %worker, %exit, restart_in = ?wait, "worker ended unexpectedly, restarting");
            if timeout(wait, stop_ordered(&mut orders)).await.is_ok() {
                return true;
            }
        }
    }

    /// Starts another process of this program.
    fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["server", &format!("--{SUPERVISED}")]);
        if let Some(config) = &self.workers.config {
            command.arg("--config").arg(config);
        }
        // Keeps Ctrl-C from the worker: this process stops it.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()
    }

    /// Waits until a process has ended. When the order changes, stops it, by force if needed.
    async fn wait_or_stop(
        &self,
        mut child: Child,
        orders: &mut watch::Receiver<Order>,
    ) -> io::Result<ExitStatus> {
        // `wait` would close the pipe.
        let stdin = child.stdin.take();
        tokio::select! {
            ended = child.wait() => return ended,
            () = stop_ordered(orders) => drop(stdin),
        }
        tokio::select! {
            ended = child.wait() => return ended,
            _ = orders.wait_for(|order| *order == Order::Kill) => {}
            () = sleep(self.workers.drain_timeout + STOP_GRACE_PERIOD) => {}
        }
        child.kill().await?;
        child.wait().await
    }
}

/// Waits until the workers shall no longer run.
async fn stop_ordered(orders: &mut watch::Receiver<Order>) {
    // A dropped sender means the same.
    let _ = orders.wait_for(|order| *order != Order::Run).await;
}

/// How a process ended, or why it could not start.
struct Exit(io::Result<ExitStatus>);

impl Exit {
    fn is_clean(&self) -> bool {
        self.0.as_ref().is_ok_and(ExitStatus::success)
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Ok(status) => status.fmt(f),
            Err(error) => write!(f, "cannot be run: {error}"),
        }
    }
}

/// In a worker: waits until the first process orders it to stop, or ends.
pub(crate) async fn supervisor_stop() {
    let (sender, receiver) = oneshot::channel::<()>();
    // A thread of its own, since a blocked thread of the runtime would delay its shutdown.
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        drop(sender);
    });
    let _ = receiver.await;
}
