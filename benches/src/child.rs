//! This program, started again as a child process.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use protean_cli::{Error, Result};
use tokio::sync::mpsc;

use crate::processor;

/// How long to wait for a line or for the end of the process.
const REPLY_TIMEOUT: Duration = Duration::from_secs(600);
/// Lines shown of a process that failed.
const SHOWN_LINES: usize = 10;

/// A process that reports line by line on stderr; killed on drop.
pub(crate) struct Child {
    process: std::process::Child,
    started: Instant,
    lines: mpsc::UnboundedReceiver<(Instant, String)>,
    last: VecDeque<String>,
}

impl Child {
    /// # Errors
    /// When the process cannot be started.
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.env_remove("PROTEAN_LOG").env_remove("RUST_LOG").env_remove("PROTEAN_ENV");
        let started = Instant::now();
        let mut process = command.spawn()?;
        let (sender, lines) = mpsc::unbounded_channel();
        if let Some(stderr) = process.stderr.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    // Nobody reads the lines after the last wait.
                    let _ = sender.send((Instant::now(), line));
                }
            });
        }
        Ok(Self { process, started, lines, last: VecDeque::new() })
    }

    /// Waits for a line that contains `words`; returns it and when it arrived.
    ///
    /// # Errors
    /// When the process ends first, or prints no line for ten minutes.
    pub(crate) async fn line(&mut self, words: &str) -> Result<(Instant, String)> {
        loop {
            let next = tokio::time::timeout(REPLY_TIMEOUT, self.lines.recv()).await;
            let Ok(Some((when, line))) = next else {
                let last = self.last.make_contiguous().join("\n");
                return Err(Error::failed(format!(
                    "a child process ended or hung before printing '{words}':\n{last}"
                )));
            };
            if line.contains(words) {
                return Ok((when, line));
            }
            self.keep(line);
        }
    }

    /// The time from its start to this moment.
    pub(crate) fn age_at(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.started)
    }

    /// Its peak memory so far, in MiB.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub(crate) fn peak_memory(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
        kib.map(|kib| kib / 1024.0).ok_or_else(|| Error::failed("/proc/PID/status has no VmHWM"))
    }

    /// The process and the workers that it started.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub(crate) fn processes(&self) -> Result<Vec<u32>> {
        let own = self.process.id();
        let mut all = processor::children_of(own)?;
        all.push(own);
        Ok(all)
    }

    /// Processor time of its threads.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        processor::time_of(self.process.id())
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// When the process fails or hangs.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let process = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(process, rustix::process::Signal::TERM)?;
        tokio::time::timeout(REPLY_TIMEOUT, self.lines_end()).await?;
        self.ended("failed while stopping")
    }

    /// Waits for the end of a process that ends by itself, however long it takes.
    ///
    /// # Errors
    /// When the process fails; the message has its last lines.
    pub(crate) async fn end(mut self) -> Result<()> {
        self.lines_end().await;
        let last = self.last.make_contiguous().join("\n");
        self.ended(&format!("failed:\n{last}\n"))
    }

    async fn lines_end(&mut self) {
        while let Some((_, line)) = self.lines.recv().await {
            self.keep(line);
        }
    }

    /// Takes in the end of a process that has closed its stderr.
    fn ended(&mut self, how: &str) -> Result<()> {
        let status: ExitStatus = self.process.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(Error::failed(format!("a child process {how} ({status})")))
    }

    /// Keeps the last lines, to show them when the process fails.
    fn keep(&mut self, line: String) {
        if self.last.len() == SHOWN_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
