//! The shop as a process of its own, as an operator would start it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use protean_cli::{Error, Result};

/// How long the shop may take to finish what it is doing.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
/// How much of its log is shown when it ends badly.
const SHOWN_LINES: usize = 20;

/// A running `bookshelf serve`. Dropping it stops it.
pub(super) struct Shop {
    child: Child,
    pub(super) addr: SocketAddr,
    log: Log,
}

/// The lines the shop has logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Shop {
    /// Starts this same program on a free port and on this database.
    ///
    /// # Errors
    /// When the program cannot be started, or ends before it listens.
    pub(super) fn start(database_uri: &str) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", "--addr", "127.0.0.1:0"]).env("DATABASE_URI", database_uri);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        // Ctrl-C is for this process, which stops the shop when it is done with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let log = Log::default();
        let stderr = child.stderr.take().map(BufReader::new);
        let listening = stderr.and_then(|stderr| log.until_listening(stderr));
        let mut shop = Self { child, addr: SocketAddr::from(([127, 0, 0, 1], 0)), log };
        shop.addr = listening.ok_or_else(|| shop.failed("the shop does not listen"))?;
        Ok(shop)
    }

    /// Says so when the shop has ended on its own.
    ///
    /// # Errors
    /// When it has, with the end of its log.
    pub(super) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.failed(&format!("the shop has ended by itself ({status})"))),
        }
    }

    /// Asks it to stop and waits until it has.
    ///
    /// # Errors
    /// When it did not stop in time and had to be killed, or stopped badly.
    pub(super) fn stop(mut self) -> Result<()> {
        self.check()?;
        match self.end()? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(self.failed(&format!("the shop stopped badly ({status})"))),
            None => Err(self.failed(&format!("the shop did not stop within {STOP_TIMEOUT:?}"))),
        }
    }

    fn failed(&self, message: &str) -> Error {
        Error::failed(format!("{message}:\n{}", self.log.end()))
    }

    /// Gives the status, or nothing when it had to be killed.
    fn end(&mut self) -> std::io::Result<Option<ExitStatus>> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(Some(status));
        }
        self.ask_to_stop();
        let asked = Instant::now();
        while asked.elapsed() < STOP_TIMEOUT {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(None)
    }

    #[cfg(unix)]
    fn ask_to_stop(&self) {
        let shop = rustix::process::Pid::from_child(&self.child);
        // It may just have ended; waiting for it shows that.
        let _ = rustix::process::kill_process(shop, rustix::process::Signal::TERM);
    }

    #[cfg(not(unix))]
    fn ask_to_stop(&mut self) {
        let _ = self.child.kill();
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if self.end().is_err() {
            let _ = self.child.kill();
        }
    }
}

impl Log {
    /// Reads on until the shop says where it listens; a thread reads the rest.
    fn until_listening(&self, stderr: BufReader<ChildStderr>) -> Option<SocketAddr> {
        let mut lines = stderr.lines().map_while(Result::ok);
        let addr = lines.find_map(|line| {
            let addr = line.strip_prefix("listening on http://").map(str::parse);
            self.add(line);
            addr
        })?;
        let log = self.clone();
        std::thread::spawn(move || lines.for_each(|line| log.add(line)));
        addr.ok()
    }

    fn add(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn end(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }
}
