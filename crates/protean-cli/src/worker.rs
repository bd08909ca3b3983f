//! One worker of a supervisor: a place in which one process follows another.
//!
//! ```text
//!                      ┌── ended unexpectedly: wait ──┐
//!                      ▼                              │
//! start ─▶ starting ─(ready)─▶ running ───────────────┤
//!                                 │ renewal           │
//!                                 ├─▶ successor ended, or is late: go on with this one
//!                                 └─▶ successor ready: stop this one, go on with that
//! ```
//!
//! A process stops when its standard input ends, and says on it, the other way, that it is ready.

use std::io::{self, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Child;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::image::{Image, was_replaced};
use crate::restarts::Restarts;

/// How much longer than `server.drain_timeout` a worker may take to stop.
const STOP_GRACE_PERIOD: Duration = Duration::from_secs(3);

/// How long a successor may take to get ready. Nothing waits for it but the hand-over.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The option that marks a server as a worker.
pub(crate) const SUPERVISED: &str = "supervised";

/// What the workers shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Run,
    /// Finish the running messages, then stop.
    Drain,
    /// Stop at once.
    Kill,
}

/// Orders a worker to go on with another program.
pub(crate) struct Renewal {
    pub(crate) image: Image,
    /// Told once the worker has gone on with it and its process before has ended; or why not.
    pub(crate) done: oneshot::Sender<Result<(), String>>,
}

/// One worker slot, which outlives the processes in it.
pub(crate) struct Worker {
    /// `1 of 3`.
    pub(crate) name: String,
    /// The program it runs.
    pub(crate) image: Image,
    /// The file of `--config`.
    pub(crate) config: Option<PathBuf>,
    /// `server.drain_timeout`.
    pub(crate) drain_timeout: Duration,
    pub(crate) orders: watch::Receiver<Order>,
    pub(crate) renewals: mpsc::Receiver<Renewal>,
    /// Takes the error of a start that cannot succeed any more.
    pub(crate) replaced: mpsc::Sender<io::Error>,
}

/// A process of a worker.
struct Process {
    child: Child,
    pid: u32,
    began: Instant,
    /// Its standard input; it stops once this is gone.
    line: Option<UnixStream>,
}

/// What became of a process.
enum Next {
    Ended(io::Result<ExitStatus>),
    /// Another one has taken its place.
    Renewed(Process),
}

impl Worker {
    /// Starts a process whenever none runs, until the order changes; true when the last one
    /// stopped cleanly then.
    pub(crate) async fn supervise(mut self) -> bool {
        let mut restarts = Restarts::default();
        let mut successor = None;
        loop {
            let process = match successor.take() {
                Some(process) => Ok(process),
                None => self.start(&self.image),
            };
            let (pid, lifetime, exit) = match process {
                Ok(mut process) => match self.attend(&mut process).await {
                    Next::Renewed(next) => {
                        successor = Some(next);
                        continue;
                    }
                    Next::Ended(ended) => (process.pid, process.began.elapsed(), Exit(ended)),
                },
                Err(error) if was_replaced(&error) => {
                    // The first one is enough to stop all.
                    let _ = self.replaced.try_send(error);
                    self.stop_ordered().await;
                    return true;
                }
                Err(error) => (0, Duration::ZERO, Exit(Err(error))),
            };
            let worker = &self.name;
            if *self.orders.borrow() != Order::Run {
                info!(pid, %worker, %exit, "worker stopped");
                return exit.is_clean();
            }
            let wait = restarts.next_wait(lifetime);
            warn!(pid, %worker, %exit, restart_in = ?wait, "worker ended unexpectedly, restarting");
            tokio::select! {
                () = stop_ordered(&mut self.orders) => return true,
                Some(renewal) = self.renewals.recv() => successor = self.renew(renewal, None).await,
                () = sleep(wait) => {}
            }
        }
    }

    fn start(&self, image: &Image) -> io::Result<Process> {
        let mut args = vec!["server".into(), format!("--{SUPERVISED}").into()];
        if let Some(config) = &self.config {
            args.extend(["--config".into(), config.into()]);
        }
        let (child, line) = image.start(&args)?;
        let (pid, worker) = (child.id().unwrap_or_default(), &self.name);
        info!(pid, %worker, "worker started");
        Ok(Process { child, pid, began: Instant::now(), line: Some(line) })
    }

    /// Waits until a process has ended, or another has taken its place. When the order changes,
    /// stops it, by force if needed.
    async fn attend(&mut self, process: &mut Process) -> Next {
        loop {
            tokio::select! {
                ended = process.child.wait() => return Next::Ended(ended),
                () = stop_ordered(&mut self.orders) => return Next::Ended(self.stop(process).await),
                Some(renewal) = self.renewals.recv() => {
                    if let Some(successor) = self.renew(renewal, Some(process)).await {
                        return Next::Renewed(successor);
                    }
                }
            }
        }
    }

    /// Starts a process of another program and, once it is ready, stops the one before. None when
    /// it does not get ready.
    async fn renew(
        &mut self,
        renewal: Renewal,
        mut before: Option<&mut Process>,
    ) -> Option<Process> {
        let Renewal { image, done } = renewal;
        let ready = async {
            let mut successor = self.start(&image).map_err(|error| error.to_string())?;
            match self.await_ready(&mut successor).await {
                Ok(()) => Ok(successor),
                Err(why) => {
                    // When all are to stop, both do so side by side.
                    if let Some(before) = &mut before
                        && *self.orders.borrow() != Order::Run
                    {
                        before.hang_up();
                    }
                    // The reason is known already.
                    let _ = self.stop(&mut successor).await;
                    Err(why)
                }
            }
        };
        let mut successor = match ready.await {
            Ok(successor) => successor,
            Err(why) => {
                // Nobody asks any more once all are to stop.
                let _ = done.send(Err(why));
                return None;
            }
        };
        self.image = image;
        if let Some(before) = before {
            let (pid, worker) = (before.pid, &self.name);
            let exit = Exit(self.stop_beside(before, &mut successor).await);
            info!(pid, %worker, %exit, "worker stopped, its successor is ready");
        }
        let _ = done.send(Ok(()));
        Some(successor)
    }

    /// Stops a process; its successor as well once all are to stop.
    async fn stop_beside(
        &self,
        before: &mut Process,
        successor: &mut Process,
    ) -> io::Result<ExitStatus> {
        let mut orders = self.orders.clone();
        let mut stopping = pin!(self.stop(before));
        tokio::select! {
            ended = &mut stopping => ended,
            () = stop_ordered(&mut orders) => {
                successor.hang_up();
                stopping.await
            }
        }
    }

    /// Waits until a process says that it is ready; or says why it is not.
    async fn await_ready(&self, process: &mut Process) -> Result<(), String> {
        let line = process.line.as_ref().ok_or("it is being stopped")?;
        let line = line.try_clone().and_then(|line| {
            line.set_nonblocking(true)?;
            tokio::net::UnixStream::from_std(line)
        });
        let mut line = line.map_err(|error| error.to_string())?;
        let mut orders = self.orders.clone();
        tokio::select! {
            biased;
            () = stop_ordered(&mut orders) => Err("the server is being stopped".to_owned()),
            // Whatever it has started may keep its end of the line open.
            ended = process.child.wait() => {
                Err(format!("it ended at once ({}): see its own line above", Exit(ended)))
            }
            () = said(&mut line) => Ok(()),
            () = sleep(START_TIMEOUT) => Err(format!("it was not ready within {START_TIMEOUT:?}")),
        }
    }

    /// Stops a process, by force when it takes too long or all shall stop at once.
    async fn stop(&self, process: &mut Process) -> io::Result<ExitStatus> {
        process.hang_up();
        let mut orders = self.orders.clone();
        let killed = async {
            // Without a supervisor nobody kills.
            if orders.wait_for(|order| *order == Order::Kill).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            ended = process.child.wait() => return ended,
            () = killed => {}
            () = sleep(self.drain_timeout + STOP_GRACE_PERIOD) => {}
        }
        process.child.kill().await?;
        process.child.wait().await
    }

    async fn stop_ordered(&mut self) {
        stop_ordered(&mut self.orders).await;
    }
}

/// Waits until a process says something, for ever when it has hung up instead.
async fn said(line: &mut tokio::net::UnixStream) {
    if line.read_u8().await.is_err() {
        std::future::pending::<()>().await;
    }
}

impl Process {
    /// Ends its standard input, for every copy of our end.
    fn hang_up(&mut self) {
        if let Some(line) = self.line.take() {
            // It may have hung up before.
            let _ = line.shutdown(Shutdown::Both);
        }
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

/// In a worker: tells the first process that this one is ready.
pub(crate) fn tell_ready() {
    let line = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from);
    // Standard input is no such line when somebody started this by hand; a first process that is
    // gone needs no answer.
    let _ = line.and_then(|mut line| line.write_all(b"\n"));
}
