//! A program as a process of its own, as an operator would start it.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use protean_cli::{Error, Result};
use tokio::sync::mpsc;

use crate::random::Random;

/// How long a server may take to finish what it is doing.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
/// How long to wait for a line.
const LINE_TIMEOUT: Duration = Duration::from_secs(600);
/// How much of its log is shown when it ends on its own.
const SHOWN_LINES: usize = 20;
/// How many lines are kept for somebody who waits for one.
const UNREAD_LINES: usize = 1024;

/// A running program, which logs to stderr. Dropping it stops it.
pub struct Child {
    process: std::process::Child,
    started: Instant,
    lines: mpsc::Receiver<(Instant, String)>,
    last: LastLines,
}

/// The last lines that a program has logged.
#[derive(Clone, Default)]
struct LastLines(Arc<Mutex<VecDeque<String>>>);

impl Child {
    /// Starts a program.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut process = command
            .spawn()
            .map_err(|error| Error::failed(format!("the server cannot be started: {error}")))?;
        let (sender, lines) = mpsc::channel(UNREAD_LINES);
        let last = LastLines::default();
        if let Some(stderr) = process.stderr.take() {
            let last = last.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(std::result::Result::ok) {
                    let when = Instant::now();
                    last.add(line.clone());
                    // It is full when nobody waits for a line.
                    let _ = sender.try_send((when, line));
                }
            });
        }
        Ok(Self { process, started, lines, last })
    }

    /// Starts a program that Ctrl-C does not reach: it is for this process, which stops the other
    /// when it is done with it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_apart(mut command: Command) -> Result<Self> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Self::start(command)
    }

    /// Waits for a line that contains these words, of those that have not been waited for before;
    /// returns it and when it came.
    ///
    /// # Errors
    /// When the program ends first, or logs nothing for ten minutes.
    pub async fn line(&mut self, words: &str) -> Result<(Instant, String)> {
        loop {
            match tokio::time::timeout(LINE_TIMEOUT, self.lines.recv()).await {
                Ok(Some((when, line))) if line.contains(words) => return Ok((when, line)),
                Ok(Some(_)) => {}
                _ => {
                    let what = format!("the server ended or hung before it logged '{words}'");
                    return Err(self.failed(&what));
                }
            }
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The time from its start to this moment.
    pub fn age_at(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.started)
    }

    /// Says so when it has ended on its own.
    ///
    /// # Errors
    /// When it has, with the end of its log.
    pub fn check(&mut self) -> Result<()> {
        match self.process.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.failed(&format!("the server ended by itself ({status})"))),
        }
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        self.last.shown()
    }

    /// Its process, and those that it has started; only its own where the system does not tell.
    pub fn processes(&self) -> Vec<u32> {
        let own = self.process.id();
        std::iter::once(own).chain(children_of(own)).collect()
    }

    /// The most memory that one of its processes has had so far, in MiB; nothing where the system
    /// does not report it.
    pub fn peak_memory(&self) -> Option<f64> {
        self.processes().into_iter().filter_map(peak_memory).max_by(f64::total_cmp)
    }

    /// Asks it to stop and waits until it has.
    ///
    /// # Errors
    /// When it did not stop in time and had to be killed, or stopped badly.
    pub fn stop(mut self) -> Result<()> {
        self.check()?;
        match self.end()? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(self.failed(&format!("the server stopped badly ({status})"))),
            None => Err(self.failed(&format!("the server did not stop within {STOP_TIMEOUT:?}"))),
        }
    }

    /// Waits for the end of a program that ends by itself, however long it takes.
    ///
    /// # Errors
    /// When it fails, with the end of its log.
    pub async fn end_by_itself(mut self) -> Result<()> {
        // Its log ends with it.
        while self.lines.recv().await.is_some() {}
        let status = self.process.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(self.failed(&format!("the program failed ({status})")))
    }

    /// Ends it at once, as a crash would, and waits until it is gone.
    ///
    /// # Errors
    /// When it had ended by itself before.
    pub fn kill(mut self) -> Result<()> {
        self.check()?;
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Ends one of the processes that it has started at once, whichever it happens to be; a server
    /// starts another worker. Nothing happens while there is none.
    ///
    /// # Errors
    /// When it has ended by itself.
    pub fn kill_a_worker(&mut self, random: &mut Random) -> Result<()> {
        self.check()?;
        if let Some(worker) = random.one_of(&children_of(self.process.id())) {
            // One that has ended in this moment is as dead as it should be.
            let worker = worker.to_string();
            Command::new("kill").args(["-KILL", &worker]).stderr(Stdio::null()).status()?;
        }
        Ok(())
    }

    fn failed(&self, what: &str) -> Error {
        Error::failed(format!("{what}:\n{}", self.last_words()))
    }

    /// Gives the status, or nothing when it had to be killed.
    fn end(&mut self) -> std::io::Result<Option<ExitStatus>> {
        if let Some(status) = self.process.try_wait()? {
            return Ok(Some(status));
        }
        self.ask_to_stop();
        let asked = Instant::now();
        while asked.elapsed() < STOP_TIMEOUT {
            if let Some(status) = self.process.try_wait()? {
                return Ok(Some(status));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.process.kill()?;
        self.process.wait()?;
        Ok(None)
    }

    #[cfg(unix)]
    fn ask_to_stop(&self) {
        let process = rustix::process::Pid::from_child(&self.process);
        // It may just have ended; waiting for it shows that.
        let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
    }

    #[cfg(not(unix))]
    fn ask_to_stop(&mut self) {
        let _ = self.process.kill();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.end().is_err() {
            let _ = self.process.kill();
        }
    }
}

impl LastLines {
    fn add(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == SHOWN_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn shown(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).make_contiguous().join("\n")
    }
}

/// The processes that a process has started; none where the system does not tell.
pub fn children_of(process: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten();
    let children = threads
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let numbers = |text: String| -> Vec<u32> {
        text.split_whitespace().filter_map(|number| number.parse().ok()).collect()
    };
    children.flat_map(numbers).collect()
}

fn peak_memory(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some((kib / 1024.0 * 10.0).round() / 10.0)
}
