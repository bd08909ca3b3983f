//! The bank's server, as a process.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A server that is killed when the story breaks off.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    pub(crate) fn start(mut program: Command, log: PathBuf) -> Self {
        let stderr = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        program.arg("server").stdout(Stdio::null()).stderr(stderr);
        Self { child: program.spawn().unwrap(), log }
    }

    /// Everything that the servers of this bank have logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) {
        self.ask_to_stop();
        let status = self.child.wait().unwrap();
        assert!(status.success() || cfg!(not(unix)), "{status}\n{}", self.log());
    }

    #[cfg(unix)]
    fn ask_to_stop(&self) {
        let server = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(server, rustix::process::Signal::TERM).unwrap();
    }

    #[cfg(not(unix))]
    fn ask_to_stop(&mut self) {
        self.child.kill().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
