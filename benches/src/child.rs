//! This program again, as another process.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use protean_cli::{Error, Result};
use tokio::sync::mpsc;

use crate::processor;

/// How long a line or an end is waited for.
const PATIENCE: Duration = Duration::from_secs(600);
/// How many lines are shown of a process that did not do what it should.
const SHOWN: usize = 10;

/// A process that speaks line by line on stderr. Dropping it kills it.
pub(crate) struct Child {
    process: std::process::Child,
    started: Instant,
    lines: mpsc::UnboundedReceiver<(Instant, String)>,
    last: VecDeque<String>,
}

impl Child {
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.env_remove("PROTEAN_LOG").env_remove("RUST_LOG").env_remove("PROTEAN_ENV");
        let started = Instant::now();
        let mut process = command.spawn()?;
        let (said, lines) = mpsc::unbounded_channel();
        if let Some(stderr) = process.stderr.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    // What is said after the last question does not matter.
                    let _ = said.send((Instant::now(), line));
                }
            });
        }
        Ok(Self { process, started, lines, last: VecDeque::new() })
    }

    /// Waits for a line with these words. Gives it, and when it was said.
    ///
    /// # Errors
    /// When the process ends before, or does not say it for ten minutes.
    pub(crate) async fn line(&mut self, words: &str) -> Result<(Instant, String)> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.lines.recv()).await;
            let Ok(Some((when, line))) = next else {
                let last = self.last.make_contiguous().join("\n");
                return Err(Error::failed(format!("a process never said '{words}':\n{last}")));
            };
            if line.contains(words) {
                return Ok((when, line));
            }
            if self.last.len() == SHOWN {
                self.last.pop_front();
            }
            self.last.push_back(line);
        }
    }

    /// How long after its start something happened.
    pub(crate) fn age_at(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.started)
    }

    /// The most memory it has had so far, in MiB.
    ///
    /// # Errors
    /// When the system does not tell.
    pub(crate) fn peak_memory(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
        kib.map(|kib| kib / 1024.0).ok_or_else(|| Error::failed("/proc tells no VmHWM"))
    }

    /// How long its threads have had a processor.
    ///
    /// # Errors
    /// When the system does not tell.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        processor::time_of(self.process.id())
    }

    /// Asks it to stop and waits until it has.
    ///
    /// # Errors
    /// When it stops badly.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let process = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(process, rustix::process::Signal::TERM)?;
        while tokio::time::timeout(PATIENCE, self.lines.recv()).await?.is_some() {}
        let status: ExitStatus = self.process.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(Error::failed(format!("a process stopped badly ({status})")))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
