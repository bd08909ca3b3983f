//! Watches a migration: waits for its steps, and notices when it is stuck.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protean::Domain;
use protean::ImportProgress;
use protean_cli::{Error, Result};
use tokio::task::JoinSet;

use super::backlog::{Backlog, Waiting};
use super::deposits::Counter;
use super::gauge::Gauge;
use super::outages::in_spite_of_outages;
use super::progress::{Moment, Progress};
use super::server::Server;

/// How long nothing may move before something is wrong.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How often the import is looked at.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);
/// Counting what waits takes a share of this at most of the time.
const SHARE: u32 = 20;

/// Watches a migration.
pub(crate) struct Observer {
    pub(crate) gauge: Arc<Gauge>,
    backlog: Backlog,
    progress: Progress,
    rows: u64,
    /// What there was to see the last time, since when, and when to look again.
    seen: (u64, Waiting),
    unchanged_since: Instant,
    look_again: Instant,
}

impl Observer {
    /// # Errors
    /// When the database cannot be opened.
    pub(crate) async fn of(domain: &Domain, progress: Progress, rows: u64) -> Result<Self> {
        let now = Instant::now();
        Ok(Self {
            gauge: Arc::default(),
            backlog: Backlog::of(domain).await?,
            progress,
            rows,
            seen: (0, Waiting::default()),
            unchanged_since: now,
            look_again: now,
        })
    }

    /// A step begins.
    pub(crate) fn step(&self, text: &str) {
        self.progress.step(text);
    }

    /// Waits until nothing waits.
    ///
    /// # Errors
    /// When the server has ended or is stuck, or the database cannot be read.
    pub(crate) async fn await_rest(&mut self, server: &mut Server) -> Result<Waiting> {
        self.await_that(Waiting::is_over, server).await
    }

    /// Waits until no bulk work waits, whatever else comes in meanwhile.
    ///
    /// # Errors
    /// When the server has ended or is stuck, or the database cannot be read.
    pub(crate) async fn await_bulk(&mut self, server: &mut Server) -> Result<Waiting> {
        self.await_that(|waiting| waiting.backfill == 0, server).await
    }

    async fn await_that(
        &mut self,
        holds: impl Fn(Waiting) -> bool,
        server: &mut Server,
    ) -> Result<Waiting> {
        self.unchanged_since = Instant::now();
        loop {
            let began = Instant::now();
            let waiting = in_spite_of_outages(|| self.backlog.count()).await?;
            if holds(waiting) {
                return Ok(waiting);
            }
            self.notice(waiting, server)?;
            tokio::time::sleep((began.elapsed() * SHARE).max(CHECK_INTERVAL)).await;
        }
    }

    /// Runs the import until every bulk command has been handled. Gives how
    /// many accounts came in, and how long it took.
    ///
    /// # Errors
    /// When the import fails, or one of those it needs.
    pub(crate) async fn import(
        &mut self,
        taking_in: impl Future<Output = Result<ImportProgress>> + Send + 'static,
        counter: &Counter,
        server: &mut Server,
    ) -> Result<(u64, Duration)> {
        let began = Instant::now();
        self.unchanged_since = began;
        self.progress.import_begins();
        let mut tasks = JoinSet::new();
        tasks.spawn(taking_in);
        let mut imported = None;
        loop {
            tokio::time::sleep(CHECK_INTERVAL).await;
            counter.check()?;
            server.check()?;
            if let Some(ended) = tasks.try_join_next() {
                imported = Some(ended??);
            }
            if let Some(imported) = imported
                && in_spite_of_outages(|| self.backlog.bulk_commands_are_over()).await?
            {
                self.progress.end();
                return Ok((imported.accepted, began.elapsed()));
            }
            self.check_progress(server).await?;
        }
    }

    /// Shows how far it is, not too often.
    async fn check_progress(&mut self, server: &mut Server) -> Result<()> {
        let began = Instant::now();
        if began < self.look_again {
            return Ok(());
        }
        let waiting = in_spite_of_outages(|| self.backlog.count()).await?;
        let taken_in = self.gauge.accounts();
        self.progress.show(&Moment {
            done: taken_in.saturating_sub(waiting.bulk_commands),
            of: self.rows.max(taken_in),
            waiting,
            slowest_deposit: self.gauge.slowest_deposit(),
        });
        self.look_again = Instant::now() + (began.elapsed() * SHARE).max(Duration::from_secs(1));
        self.notice(waiting, server)
    }

    /// Says so when nothing has moved for too long.
    fn notice(&mut self, waiting: Waiting, server: &mut Server) -> Result<()> {
        server.check()?;
        let seen = (self.gauge.accounts(), waiting);
        if self.seen != seen {
            (self.seen, self.unchanged_since) = (seen, Instant::now());
        }
        if self.unchanged_since.elapsed() < STALL_TIMEOUT {
            return Ok(());
        }
        let words = server.last_words();
        Err(Error::failed(format!("nothing has been handled for {STALL_TIMEOUT:?}:\n{words}")))
    }
}
