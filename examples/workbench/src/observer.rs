//! Watches an import: waits for its steps, and notices when it is stuck.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protean::Domain;
use protean::ImportProgress;
use protean_cli::{Error, Result};
use tokio::task::JoinSet;

use crate::backlog::{Backlog, Waiting};
use crate::child::Child;
use crate::gauge::Gauge;
use crate::outages::in_spite_of_outages;
use crate::progress::{Moment, Progress};
use crate::visitors::Visitors;

/// How long nothing may move before something is wrong.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How often the import is looked at.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);
/// Counting what waits takes a share of this at most of the time.
const SHARE: u32 = 20;

/// What came of an import.
pub struct Imported {
    /// Rows that came in with it.
    pub rows: u64,
    /// From the first command sent until the last one was handled.
    pub commands_time: Duration,
    /// Until the last event of theirs was handled as well.
    pub all_time: Duration,
}

/// Watches an import.
pub struct Observer {
    /// Figures for it to show.
    pub gauge: Arc<Gauge>,
    backlog: Backlog,
    progress: Progress,
    rows: u64,
    /// What there was to see the last time, since when, and when to look again.
    seen: (u64, Waiting),
    unchanged_since: Instant,
    look_again: Instant,
}

impl Observer {
    /// Watches what comes into a domain: so many rows, as far as is known.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub async fn of(domain: &Domain, progress: Progress, rows: u64) -> Result<Self> {
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
    pub fn step(&self, text: &str) {
        self.progress.step(text);
    }

    /// Waits until nothing waits.
    ///
    /// # Errors
    /// When the server has ended or is stuck, or the database cannot be read.
    pub async fn await_rest(&mut self, server: &mut Child) -> Result<Waiting> {
        self.unchanged_since = Instant::now();
        loop {
            let waiting = self.look(server).await?;
            if waiting.is_over() {
                return Ok(waiting);
            }
        }
    }

    /// Waits until no bulk work waits, whatever else comes in meanwhile.
    async fn await_bulk(&mut self, server: &mut Child) -> Result<()> {
        self.unchanged_since = Instant::now();
        let mut waiting = self.look(server).await?;
        self.progress.rest_begins(waiting.backfill);
        while waiting.backfill > 0 {
            waiting = self.look(server).await?;
            self.progress.show_rest(waiting.backfill);
        }
        Ok(())
    }

    /// Counts what waits, after a pause unless nothing does.
    async fn look(&mut self, server: &mut Child) -> Result<Waiting> {
        let began = Instant::now();
        let waiting = in_spite_of_outages(|| self.backlog.count()).await?;
        if !waiting.is_over() {
            self.notice(waiting, server)?;
            tokio::time::sleep((began.elapsed() * SHARE).max(CHECK_INTERVAL)).await;
        }
        Ok(waiting)
    }

    /// Runs the import until every bulk command and every event of theirs has been handled.
    ///
    /// # Errors
    /// When the import fails, or one of those it needs.
    pub async fn import(
        &mut self,
        taking_in: impl Future<Output = Result<ImportProgress>> + Send + 'static,
        visitors: &Visitors,
        server: &mut Child,
    ) -> Result<Imported> {
        let began = Instant::now();
        self.unchanged_since = began;
        self.progress.import_begins();
        let mut tasks = JoinSet::new();
        tasks.spawn(taking_in);
        let mut imported = None;
        loop {
            tokio::time::sleep(CHECK_INTERVAL).await;
            visitors.check()?;
            server.check()?;
            if let Some(ended) = tasks.try_join_next() {
                imported = Some(ended??);
            }
            if let Some(imported) = imported
                && in_spite_of_outages(|| self.backlog.bulk_commands_are_over()).await?
            {
                let (rows, commands_time) = (imported.accepted, began.elapsed());
                self.await_bulk(server).await?;
                self.progress.end();
                return Ok(Imported { rows, commands_time, all_time: began.elapsed() });
            }
            self.check_progress(server).await?;
        }
    }

    /// Shows how far it is, not too often.
    async fn check_progress(&mut self, server: &mut Child) -> Result<()> {
        let began = Instant::now();
        if began < self.look_again {
            return Ok(());
        }
        let waiting = in_spite_of_outages(|| self.backlog.count()).await?;
        let taken_in = self.gauge.taken_in();
        self.progress.show(&Moment {
            done: taken_in.saturating_sub(waiting.bulk_commands),
            of: self.rows.max(taken_in),
            waiting,
            slowest_visit: self.gauge.slowest_visit(),
        });
        self.look_again = Instant::now() + (began.elapsed() * SHARE).max(Duration::from_secs(1));
        self.notice(waiting, server)
    }

    /// Says so when nothing has moved for too long.
    fn notice(&mut self, waiting: Waiting, server: &mut Child) -> Result<()> {
        server.check()?;
        let seen = (self.gauge.taken_in(), waiting);
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
