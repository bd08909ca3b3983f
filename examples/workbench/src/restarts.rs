//! Kills the server and measures how soon the next one handles again, or kills
//! one of several workers while the others go on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protean::port::Store;
use protean::{Domain, Result};
use protean_cli::Error;

use crate::child::Child;
use crate::history::History;
use crate::latency::Latencies;
use crate::place::Place;
use crate::random::Random;

/// How long a server may handle nothing before something is wrong.
const RESTART_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest wait between two looks at the log.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Kills time after time.
pub struct Restarts {
    place: Place,
    workers: u64,
    random: Random,
    store: Arc<dyn Store>,
    history: History,
    /// How often something was killed.
    pub kills: usize,
    /// From the start of each process until its first event was in the log.
    pub times: Latencies,
}

impl Restarts {
    /// Servers of this place in so many processes; what they have handled is seen in this history.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub async fn of(domain: &Domain, place: Place, history: History, workers: u64) -> Result<Self> {
        let store = Arc::clone(domain.store().await?);
        let (random, times) = (Random::new(workers), Latencies::default());
        Ok(Self { place, workers, random, store, history, kills: 0, times })
    }

    /// Kills the server and starts another one, or kills one of several workers.
    ///
    /// # Errors
    /// When a server ends by itself or handles nothing.
    pub async fn kill(&mut self, mut server: Child) -> Result<Child, Error> {
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
    async fn start_again(&mut self) -> Result<Child, Error> {
        self.history.skip().await?;
        let began = Instant::now();
        let mut server = self.place.serve(self.workers)?;
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
