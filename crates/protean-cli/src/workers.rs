//! Several server processes, each replaced when it dies.
//!
//! ```text
//! server --workers 3 ─┬─▶ server --supervised      stdin: a line that only
//!                     ├─▶ server --supervised      the first process holds
//!                     └─▶ server --supervised      open
//! ```
//!
//! A worker stops when its standard input ends. The line closes with the first process,
//! however that process ends, so no worker is left behind.
//!
//! A worker that dies is replaced by its own program, even when a deployment has replaced the
//! file: two versions at work under one supervisor would be a surprise. `SIGHUP` asks for the
//! program that is there now: the [`workers`](crate::worker) go on with it one after the other.

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::image::Image;
use crate::shutdown::{HangUps, Signals, Stop};
use crate::worker::{Order, Renewal, Worker};

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

/// Takes what a worker shall go on with.
type Renewals = mpsc::Sender<Renewal>;

impl Workers {
    /// Keeps the workers running until the first signal, or until one of them cannot be
    /// replaced by the same program, then waits for them to stop. Another signal kills them.
    pub(crate) async fn run(self, mut signals: Signals, mut hang_ups: HangUps) -> Stopped {
        let (order, orders) = watch::channel(Order::Run);
        let (replaced, mut replacement) = mpsc::channel(1);
        let mut running = JoinSet::new();
        let mut renewals = Vec::new();
        for number in 1..=self.count {
            let (renewal, worker) = self.worker(number, orders.clone(), replaced.clone());
            running.spawn(worker.supervise());
            renewals.push(renewal);
        }
        drop((orders, replaced));
        let reason = tokio::select! {
            stop = signals.next() => Reason::Signal(stop),
            Some(error) = replacement.recv() => Reason::Replaced(error),
            never = self.hand_over_each_time(&mut hang_ups, &renewals) => match never {},
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

    fn worker(
        &self,
        number: usize,
        orders: watch::Receiver<Order>,
        replaced: mpsc::Sender<io::Error>,
    ) -> (Renewals, Worker) {
        let (renewal, renewals) = mpsc::channel(1);
        let name = format!("{number} of {}", self.count);
        let (image, config) = (self.image.clone(), self.config.clone());
        let drain_timeout = self.drain_timeout;
        (renewal, Worker { name, image, config, drain_timeout, orders, renewals, replaced })
    }

    /// Hands over for each `SIGHUP`. Those that come during a hand-over are one, for which there
    /// is another hand-over after it.
    async fn hand_over_each_time(
        &self,
        hang_ups: &mut HangUps,
        renewals: &[Renewals],
    ) -> Infallible {
        loop {
            hang_ups.next().await;
            let file = self.image.place().display();
            info!(%file, "SIGHUP received, the workers go on with the program in this file");
            match self.hand_over(renewals).await {
                Ok(()) => info!(%file, "the workers have gone on with the program in this file"),
                Err(HandOverError { why, renewed }) => {
                    let kept = self.count - renewed;
                    error!(
                        %file, error = why, renewed, kept,
                        "the program in this file does not start, the other workers keep theirs; \
                         put one there that does and send SIGHUP again"
                    );
                }
            }
        }
    }

    /// Has one worker after the other go on with the program that is in place now.
    async fn hand_over(&self, renewals: &[Renewals]) -> Result<(), HandOverError> {
        let failed = |why, renewed| HandOverError { why, renewed };
        let image = self.image.in_place().map_err(|error| failed(error.to_string(), 0))?;
        for (renewed, worker) in renewals.iter().enumerate() {
            let (done, gone_on) = oneshot::channel();
            let image = image.clone();
            let ended = || failed("a worker has ended".to_owned(), renewed);
            worker.send(Renewal { image, done }).await.map_err(|_| ended())?;
            gone_on.await.map_err(|_| ended())?.map_err(|why| failed(why, renewed))?;
        }
        Ok(())
    }
}

/// Why not all workers have gone on with another program.
struct HandOverError {
    why: String,
    /// How many had before.
    renewed: usize,
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use protean_test_servers::write_script;

    use super::{Reason, Stopped, Workers};
    use crate::image::Image;
    use crate::shutdown::{HangUps, Signals};

    /// Writes a program that says on a file that it runs, and ends with its standard input.
    fn write_program(path: &Path) {
        let said = path.with_extension("said");
        write_script(path, &format!("echo $$ >> {}\ncat", said.display()));
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
        let running =
            tokio::spawn(workers.run(Signals::listen().unwrap(), HangUps::listen().unwrap()));
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
