//! This test program as a process of its own: a server on a file, and its end.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use protean::Domain;
use protean::{DomainBuilder, Error};
use protean_engine::{Server, is_at_rest};

use crate::harness::WAIT_LIMIT;
use crate::tallies::{Faults, NumbersProjector, SumProjector, Tally, TallyCommandHandler};

/// Names the database for a process that was started by a test.
const DATABASE: &str = "PROTEAN_TEST_DATABASE";

/// The file a test wants this process to work on; nothing when it is no test's process.
pub(crate) fn file() -> Option<std::path::PathBuf> {
    std::env::var_os(DATABASE).map(Into::into)
}

/// Starts one test of this program as a process on a file.
pub(crate) fn spawn(test: &str, file: &Path, more: &[(&str, &str)]) -> Running {
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.args(["--exact", test]).env(DATABASE, file).envs(more.iter().copied());
    process.env_remove("RUST_BACKTRACE").stdout(Stdio::null()).stderr(Stdio::null());
    Running(process.spawn().unwrap())
}

/// A process that is killed when the test ends.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Kills it as `kill -9` does, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended cannot be killed any more.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The tallies on a file.
pub(crate) fn builder(file: &Path, faults: &Faults) -> DomainBuilder {
    configured(file, faults, "")
}

/// The tallies on a file, with more in their `domain.toml`.
pub(crate) fn configured(file: &Path, faults: &Faults, more: &str) -> DomainBuilder {
    // What a process has written outlives it, whether it was pressed to the disk or not.
    let config = format!(
        "[databases.default]\nprovider = \"sqlite\"\ndatabase_uri = 'sqlite://{}'\n\
         synchronous = \"off\"\n[server]\ndrain_timeout = 1\nlease_seconds = 1\n\
         [server.priority_lanes]\nenabled = true\n\
         [server.event_store_subscription]\nmax_retries = 2\nretry_delay_seconds = 0.2\n{more}",
        file.display()
    );
    let builder = protean::domain("harness").config(&config).aggregate::<Tally>();
    let builder = builder.register(TallyCommandHandler).register(SumProjector);
    builder.register(NumbersProjector(faults.clone()))
}

/// Serves until nothing is on the way and nothing parked.
pub(crate) async fn serve_to_rest(domain: &Domain) -> Result<(), Error> {
    let at_rest = async {
        while !is_at_rest(domain).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let serving = Server::new(domain.clone()).run(at_rest);
    tokio::time::timeout(WAIT_LIMIT, serving).await.unwrap()
}
