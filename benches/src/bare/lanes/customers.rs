//! Customers who deposit on a fixed schedule, whatever else runs.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use protean::Id;
use protean_cli::{Error, Result};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use workbench::latency::Latencies;

use super::log::{Announce, Commit, Log};
use super::message;
use super::production::{self, Handled};
use crate::clock;

const ACCOUNTS: usize = 1000;
const CONNECTIONS: usize = 4;

/// Production, and those who send to it.
pub(super) struct Customers {
    stages: JoinSet<Result<()>>,
    handled: mpsc::UnboundedReceiver<Handled>,
    connections: Vec<Arc<Log>>,
    accounts: Vec<Id>,
    /// Deposits sent so far.
    sent: u64,
}

/// The moments of one deposit, in microseconds.
pub(crate) struct Delivery {
    pub(crate) number: u64,
    pub(crate) sent: i64,
    pub(crate) returned: i64,
    /// When its event was durable.
    pub(crate) seen: i64,
}

impl Customers {
    /// # Errors
    /// When a server cannot be reached.
    pub(super) async fn new(database: &str, redis: &str) -> Result<Self> {
        let mut stages = JoinSet::new();
        let handled = production::start(&mut stages, database, redis).await?;
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(Arc::new(Log::open(database, Commit::Durable).await?));
        }
        let accounts = (0..ACCOUNTS).map(|_| Id::new()).collect();
        Ok(Self { stages, handled, connections, accounts, sent: 0 })
    }

    /// Deposits while something runs; returns its result, and the latency of
    /// each deposit from its due time.
    ///
    /// # Errors
    /// When a server refuses.
    pub(super) async fn serve<T>(
        &mut self,
        per_second: f64,
        meanwhile: impl Future<Output = Result<T>>,
    ) -> Result<(T, Latencies)> {
        tokio::pin!(meanwhile);
        let (start, clock, first) = (tokio::time::Instant::now(), clock::now(), self.sent);
        let due = |number: u64| Duration::from_secs_f64((number - first) as f64 / per_second);
        let (mut latencies, mut sending, mut result) = (Latencies::default(), JoinSet::new(), None);
        loop {
            tokio::select! {
                Some(Handled { number, at }) = self.handled.recv() => {
                    let due = clock + i64::try_from(due(number).as_micros())?;
                    latencies.add(Duration::from_micros(u64::try_from(at - due).unwrap_or(0)));
                }
                done = &mut meanwhile, if result.is_none() => result = Some(done?),
                () = tokio::time::sleep_until(start + due(self.sent)), if result.is_none() => {
                    sending.spawn(self.next()?);
                }
                Some(sent) = sending.join_next() => sent??,
                ended = self.stages.join_next() => return Err(stopped(ended)),
            }
            if result.is_some() && latencies.count() == self.sent - first {
                return result.map(|result| (result, latencies)).ok_or_else(|| stopped(None));
            }
        }
    }

    /// One deposit.
    ///
    /// # Errors
    /// When a server refuses.
    pub(super) async fn one(&mut self) -> Result<Delivery> {
        let (number, sent) = (self.sent, clock::now());
        self.next()?.await?;
        let returned = clock::now();
        tokio::select! {
            Some(Handled { at, .. }) = self.handled.recv() => {
                Ok(Delivery { number, sent, returned, seen: at })
            }
            ended = self.stages.join_next() => Err(stopped(ended)),
        }
    }

    /// Sends the next deposit.
    fn next(&mut self) -> Result<impl Future<Output = Result<()>> + use<>> {
        let at = usize::try_from(self.sent)?;
        let account = &self.accounts[at % ACCOUNTS];
        let deposit = message::deposit(account, self.sent, (at / ACCOUNTS) as u64)?;
        let log = Arc::clone(&self.connections[at % CONNECTIONS]);
        self.sent += 1;
        Ok(async move { log.append(&[deposit], Announce::Yes).await })
    }
}

/// Why production stopped.
fn stopped(ended: Option<Result<Result<()>, tokio::task::JoinError>>) -> Error {
    let error = match ended {
        Some(Ok(Err(error))) => return error,
        Some(Err(error)) => error.to_string(),
        _ => "it ended".to_owned(),
    };
    Error::failed(format!("production stopped: {error}"))
}
