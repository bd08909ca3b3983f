//! Kills the server and measures how soon the next one handles again, or kills
//! one of several workers while the others go on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use protean::port::Store;
use protean::{Domain, Result};
use protean_cli::Error;

use crate::history::{EVERY_LANE, History};
use crate::trial::latency::Latencies;
use crate::trial::place::Place;
use crate::trial::random::Random;
use crate::trial::server::Server;

/// How long a server may handle nothing before something is wrong.
const RESTART_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest wait between two looks at the log.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Kills time after time.
pub(crate) struct Restarts {
    place: Place,
    folder: PathBuf,
    workers: u64,
    random: Random,
    store: Arc<dyn Store>,
    history: History,
    pub(crate) kills: usize,
    /// From the start of each process until its first event was in the log.
    pub(crate) times: Latencies,
}

impl Restarts {
    /// Servers of this place in so many processes, which log to a file in the folder.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) async fn of(
        domain: &Domain,
        place: Place,
        folder: &Path,
        workers: u64,
    ) -> Result<Self> {
        let history = History::of(domain, EVERY_LANE).await?;
        let (store, folder) = (Arc::clone(domain.store().await?), folder.to_owned());
        let (random, times) = (Random::new(workers), Latencies::default());
        Ok(Self { place, folder, workers, random, store, history, kills: 0, times })
    }

    /// Kills the server and starts another one, or kills one of several workers.
    ///
    /// # Errors
    /// When a server ends by itself or handles nothing.
    pub(crate) async fn kill(&mut self, mut server: Server) -> Result<Server, Error> {
        self.kills += 1;
        if self.workers == 1 {
            server.kill()?;
            return self.start_again().await;
        }
        server.kill_a_worker(&mut self.random)?;
        Ok(server)
    }

    /// Starts a server and waits until it has handled something. There must be
    /// something to handle.
    async fn start_again(&mut self) -> Result<Server, Error> {
        self.history.skip().await?;
        let began = Instant::now();
        let mut server = Server::start(&self.place, &self.folder, self.workers)?;
        let mut commits = self.store.commits();
        loop {
            commits.borrow_and_update();
            let page = self.history.next_page().await?;
            if !page.is_empty() {
                self.times.add(began.elapsed());
                return Ok(server);
            }
            server.check()?;
            if began.elapsed() > RESTART_TIMEOUT {
                let words = server.last_words();
                let message =
                    format!("a new server has handled nothing for {RESTART_TIMEOUT:?}:\n{words}");
                return Err(Error::failed(message));
            }
            let _ = tokio::time::timeout(POLL_INTERVAL, commits.changed()).await;
        }
    }
}
