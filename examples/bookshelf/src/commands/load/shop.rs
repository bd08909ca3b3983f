//! The shop as a process of its own, as an operator would start it.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use protean::Domain;
use protean::message::Lane;
use protean_cli::{Error, Result};
use workbench::backlog::Backlog;
use workbench::child::Child;

/// What the shop says once it listens.
const LISTENING: &str = "listening on http://";
/// The pause between two looks at what waits.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A running `bookshelf serve`. Dropping it stops it.
pub(super) struct Shop {
    server: Child,
    pub(super) addr: SocketAddr,
}

impl Shop {
    /// Starts this same program on a free port and on this database.
    ///
    /// # Errors
    /// When the program cannot be started, or ends before it listens.
    pub(super) async fn start(database_uri: &str) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", "--addr", "127.0.0.1:0"]).env("DATABASE_URI", database_uri);
        let mut server = Child::start_apart(command)?;
        let (_, line) = server.line(LISTENING).await?;
        let addr = line.trim_start_matches(LISTENING).parse();
        let addr =
            addr.map_err(|_| Error::failed(format!("the shop listens at no address: {line}")))?;
        Ok(Self { server, addr })
    }

    /// Waits until no handler has a message of this lane to handle.
    ///
    /// # Errors
    /// When the shop has ended, or the database cannot be read.
    pub(super) async fn at_rest(&mut self, domain: &Domain, lane: Lane) -> Result<()> {
        let backlog = Backlog::of(domain).await?;
        while !backlog.is_over(lane).await? {
            self.server.check()?;
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// Asks it to stop and waits until it has.
    ///
    /// # Errors
    /// When it did not stop in time and had to be killed, or stopped badly.
    pub(super) fn stop(self) -> Result<()> {
        self.server.stop()
    }
}
