//! A program together with all processes that it starts.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use protean_cli::Result;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::task::spawn_blocking;

/// A separate process group, which an interrupt from the terminal does not reach. Dropping
/// it kills the whole group.
pub(super) struct Group(Child);

impl Group {
    /// Starts the leader. Its stdin stays open until the group is dropped or this process ends.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub(super) fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(Self(command.process_group(0).spawn()?))
    }

    /// Reads stdout and stderr to their ends.
    ///
    /// # Errors
    /// When they are not valid UTF-8.
    pub(super) async fn output(&mut self) -> Result<(String, String)> {
        let (stdout, stderr) = (self.0.stdout.take(), self.0.stderr.take());
        let (stdout, stderr) =
            (spawn_blocking(|| read_all(stdout)), spawn_blocking(|| read_all(stderr)));
        Ok((stdout.await??, stderr.await??))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its id cannot be reused before the wait below.
        let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}

/// Reads to the end.
fn read_all(from: Option<impl Read>) -> std::io::Result<String> {
    let mut text = String::new();
    from.map_or(Ok(0), |mut from| from.read_to_string(&mut text)).map(|_| text)
}
