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
//!
//! Every worker runs the program that the first process runs, even when a deployment has
//! replaced its file: two versions at work under one supervisor would be a surprise.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::Child;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tracing::{error, info, warn};

use crate::image::{Image, was_replaced};
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
    /// The program they run.
    pub(crate) image: Image,
    /// The file of `--config`.
    pub(crate) config: Option<PathBuf>,
    /// `server.drain_timeout`.
    pub(crate) drain_timeout: Duration,
}

/// Why the workers stopped.
#[derive(Debug)]
pub(crate) enum Reason {
    /// The first signal.
    Signal(Stop),
    /// A worker ended and its program is gone: why it cannot be started again.
    Replaced(io::Error),
}

/// How the workers stopped.
pub(crate) struct Stopped {
    pub(crate) reason: Reason,
    /// The second signal, if there was one: it killed the workers.
    pub(crate) killed_by: Option<Stop>,
    /// How many workers did not stop cleanly.
    pub(crate) failed: usize,
}

impl Workers {
    /// Keeps the workers running until the first signal, or until one of them cannot be
    /// replaced by the same program, then waits for them to stop. Another signal kills them.
    pub(crate) async fn run(self, mut signals: Signals) -> Stopped {
        let (order, orders) = watch::channel(Order::Run);
        let (replaced, mut replacement) = mpsc::channel(1);
        let mut running = JoinSet::new();
        for number in 1..=self.count {
            let worker = Worker { workers: self.clone(), number, replaced: replaced.clone() };
            running.spawn(worker.supervise(orders.clone()));
        }
        drop((orders, replaced));
        let reason = tokio::select! {
            stop = signals.next() => Reason::Signal(stop),
            Some(error) = replacement.recv() => Reason::Replaced(error),
        };
        match &reason {
            Reason::Signal(stop) => {
                let signal = stop.name();
                info!(signal, "signal received, stopping workers; send it again to kill them");
            }
            Reason::Replaced(error) => {
                error!(%error, "a worker cannot be replaced by its own version, stopping all");
            }
        }
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
                    None => return Stopped { reason, killed_by, failed: self.count - clean },
                }
            }
        }
    }
}

/// One worker slot, which outlives the processes in it.
struct Worker {
    workers: Workers,
    number: usize,
    /// Takes the error of a start that cannot succeed any more.
    replaced: mpsc::Sender<io::Error>,
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
                Err(error) if was_replaced(&error) => {
                    // The first one is enough to stop all.
                    let _ = self.replaced.try_send(error);
                    stop_ordered(&mut orders).await;
                    return true;
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

    fn start(&self) -> io::Result<Child> {
        let mut args = vec!["server".into(), format!("--{SUPERVISED}").into()];
        if let Some(config) = &self.workers.config {
            args.extend(["--config".into(), config.into()]);
        }
        self.workers.image.start(&args)
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

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::time::Duration;

    use super::{Reason, Stopped, Workers};
    use crate::image::Image;
    use crate::shutdown::Signals;

    /// Writes a program that says on a file that it runs, and ends with its standard input.
    fn write_program(path: &Path) {
        let said = path.with_extension("said");
        let text = format!("#!/bin/sh\necho $$ >> {}\ncat\n", said.display());
        fs::write(path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }

    async fn await_pids(program: &Path, count: usize) -> Vec<String> {
        loop {
            let said = fs::read_to_string(program.with_extension("said")).unwrap_or_default();
            let pids: Vec<String> = said.lines().map(str::to_owned).collect();
            if pids.len() >= count {
                return pids;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn kill(pid: &str) {
        let killed = std::process::Command::new("kill").args(["-9", pid]).status();
        assert!(killed.unwrap().success());
    }

    #[tokio::test]
    async fn all_workers_stop_when_one_cannot_be_replaced_by_its_own_version() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        write_program(&program);
        let workers = Workers {
            count: 2,
            image: Image::stamped(program.clone()).unwrap(),
            config: None,
            drain_timeout: Duration::from_secs(20),
        };
        let running = tokio::spawn(workers.run(Signals::listen().unwrap()));
        kill(&await_pids(&program, 2).await[0]);
        // The same program still starts.
        let pids = await_pids(&program, 3).await;
        let newer = folder.path().join("newer");
        write_program(&newer);
        fs::rename(&newer, &program).unwrap();
        kill(&pids[1]);
        let stopped = tokio::time::timeout(Duration::from_secs(20), running).await;
        let Stopped { reason, killed_by, failed } = stopped.unwrap().unwrap();
        assert!(matches!(reason, Reason::Replaced(_)), "{reason:?}");
        assert_eq!((killed_by, failed), (None, 0), "the other one stopped by itself");
        assert_eq!(await_pids(&program, 3).await.len(), 3, "nothing else was started");
    }
}
