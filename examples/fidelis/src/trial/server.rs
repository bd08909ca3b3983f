//! The server as a process of its own, as an operator would start it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use protean_cli::Error;

use super::place::Place;
use super::random::Random;

/// How long a server may take to finish what it is doing.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
/// How much of its log is shown when it ends on its own.
const SHOWN_LINES: usize = 20;

/// A running `fidelis server`. Dropping it stops it.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts this same program as the server of a place, in so many processes;
    /// what it logs goes to a file in the folder.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub(crate) fn start(place: &Place, folder: &Path, workers: u64) -> Result<Self, Error> {
        let log = folder.join("server.log");
        let mut command = place.server()?;
        command.arg("--workers").arg(workers.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
        // Ctrl-C is for this process, which stops the server when it is done with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command
            .spawn()
            .map_err(|error| Error::failed(format!("the server cannot be started: {error}")))?;
        Ok(Self { child, log })
    }

    /// Says so when the server has ended on its own.
    ///
    /// # Errors
    /// When it has, with the end of its log.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => {
                let words = self.last_words();
                Err(Error::failed(format!("the server ended by itself ({status}):\n{words}")))
            }
        }
    }

    /// The end of the server's log.
    pub(crate) fn last_words(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }

    /// The most memory that one of its processes has had so far, in MiB;
    /// nothing where the system does not report it.
    pub(crate) fn peak_memory(&self) -> Option<f64> {
        let workers = self.workers();
        let itself = self.child.id().to_string();
        let processes = std::iter::once(itself.as_str()).chain(workers.split_whitespace());
        processes.filter_map(peak_memory).max_by(f64::total_cmp)
    }

    /// Asks it to stop and waits until it has.
    ///
    /// # Errors
    /// When it did not stop in time and had to be killed, or stopped badly.
    pub(crate) fn stop(mut self) -> Result<(), Error> {
        self.check()?;
        let status = self.end()?;
        match status {
            Some(status) if status.success() => Ok(()),
            Some(status) => {
                let words = self.last_words();
                Err(Error::failed(format!("the server stopped badly ({status}):\n{words}")))
            }
            None => Err(Error::failed(format!("the server did not stop within {STOP_TIMEOUT:?}"))),
        }
    }

    /// Ends it at once, as a crash would, and waits until it is gone.
    ///
    /// # Errors
    /// When it had ended by itself before.
    pub(crate) fn kill(mut self) -> Result<(), Error> {
        self.check()?;
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Ends one of its worker processes at once, whichever it happens to be; the
    /// server starts another. Nothing happens while there is none.
    ///
    /// # Errors
    /// When the server has ended by itself.
    pub(crate) fn kill_a_worker(&mut self, random: &mut Random) -> Result<(), Error> {
        self.check()?;
        let workers = self.workers();
        let workers: Vec<&str> = workers.split_whitespace().collect();
        if !workers.is_empty() {
            let worker = random.pick(&workers);
            // One that has ended in this moment is as dead as it should be.
            Command::new("kill").args(["-KILL", worker]).stderr(Stdio::null()).status()?;
        }
        Ok(())
    }

    /// The processes below this one, with blanks between; none where the system does not report it.
    fn workers(&self) -> String {
        std::fs::read_dir(format!("/proc/{}/task", self.child.id()))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|of| std::fs::read_to_string(of.path().join("children")).ok())
            .collect()
    }

    /// Gives the status, or nothing when it had to be killed.
    fn end(&mut self) -> std::io::Result<Option<std::process::ExitStatus>> {
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
        let server = rustix::process::Pid::from_child(&self.child);
        // It may just have ended; waiting for it shows that.
        let _ = rustix::process::kill_process(server, rustix::process::Signal::TERM);
    }

    #[cfg(not(unix))]
    fn ask_to_stop(&mut self) {
        let _ = self.child.kill();
    }
}

fn peak_memory(process: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some((kib / 1024.0 * 10.0).round() / 10.0)
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.end().is_err() {
            let _ = self.child.kill();
        }
    }
}
