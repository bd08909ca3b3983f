//! A program together with every process that it begins.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use protean_cli::Result;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::task::spawn_blocking;

/// A process group of its own, which an interrupt from the terminal does not reach. Dropping
/// it ends all that is in it.
pub(super) struct Group(Child);

impl Group {
    /// Its leader's input stays open until the group is dropped, or this process is gone.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(Self(command.process_group(0).spawn()?))
    }

    /// What it says on stdout and on stderr until it says no more.
    ///
    /// # Errors
    /// When that is not text.
    pub(super) async fn output(&mut self) -> Result<(String, String)> {
        let (told, wrong) = (self.0.stdout.take(), self.0.stderr.take());
        let (told, wrong) = (spawn_blocking(|| all(told)), spawn_blocking(|| all(wrong)));
        Ok((told.await??, wrong.await??))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Nothing else has its number before it has been waited for.
        let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}

/// What comes until nothing can come any more.
fn all(from: Option<impl Read>) -> std::io::Result<String> {
    let mut text = String::new();
    from.map_or(Ok(0), |mut from| from.read_to_string(&mut text)).map(|_| text)
}
