//! A server that is killed, and how soon the next one handles again.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protean::port::Store;
use protean::{Domain, Result};
use protean_cli::Error;

use crate::history::{EVERY_LANE, History};
use crate::trial::latency::Latencies;
use crate::trial::place::Place;
use crate::trial::server::Server;

/// How long a server may handle nothing before something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);
/// Nobody waits longer than this without looking.
const NAP: Duration = Duration::from_millis(20);

/// Kills servers and measures the ones after them.
pub(crate) struct Restarts {
    place: Place,
    folder: PathBuf,
    store: Arc<dyn Store>,
    history: History,
    /// From the start of each process until its first event was in the log.
    pub(crate) times: Latencies,
}

impl Restarts {
    /// Servers of this place, which log to a file in the folder.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) async fn of(domain: &Domain, (place, folder): (Place, &Path)) -> Result<Self> {
        let history = History::of(domain, EVERY_LANE).await?;
        let (store, folder) = (Arc::clone(domain.store().await?), folder.to_owned());
        Ok(Self { place, folder, store, history, times: Latencies::default() })
    }

    /// Kills the server, starts another one, and waits until that one has
    /// handled something. There must be something to handle.
    ///
    /// # Errors
    /// When a server ends by itself or handles nothing.
    pub(crate) async fn restart(&mut self, server: Server) -> Result<Server, Error> {
        server.kill()?;
        self.history.skip().await?;
        let began = Instant::now();
        let mut server = Server::start(&self.place, &self.folder)?;
        let mut commits = self.store.commits();
        loop {
            commits.borrow_and_update();
            if !self.history.next_page().await?.is_empty() {
                self.times.add(began.elapsed());
                return Ok(server);
            }
            server.check()?;
            if began.elapsed() > PATIENCE {
                let words = server.last_words();
                let told = format!("a new server has handled nothing for {PATIENCE:?}:\n{words}");
                return Err(Error::failed(told));
            }
            let _ = tokio::time::timeout(NAP, commits.changed()).await;
        }
    }
}
