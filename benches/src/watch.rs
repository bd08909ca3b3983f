//! Reads production events as they are committed, outside of every group.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fidelis::account::{AccountOpened, DepositMade};
use protean::message::{Category, Lane, LaneRule, Recorded};
use protean::model::Event;
use protean::port::{LaneRead, Store};
use protean::{Domain, Id, Priority};
use protean_cli::{Error, Result};
use tokio::sync::watch;

use crate::bank;

const PAGE_SIZE: usize = 1000;
/// How long to wait for the next event.
const EVENT_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest wait before the log is read again without an announced commit.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Reads the events of production, whether or not they have a lane of their own.
pub(crate) struct Watcher {
    store: Arc<dyn Store>,
    commits: watch::Receiver<u64>,
    read: LaneRead,
}

impl Watcher {
    /// Starts at the beginning of the log.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub(crate) async fn of(domain: &Domain) -> Result<Self> {
        let store = Arc::clone(domain.store().await?);
        let read = LaneRead {
            group: "bench.watcher".to_owned(),
            category: Category::of(domain.name(), "Account"),
            range: LaneRule { threshold: Some(Priority::NORMAL) }.range(Lane::Primary),
            after: Vec::new(),
            limit: PAGE_SIZE,
        };
        Ok(Self { commits: store.commits(), store, read })
    }

    /// Waits for the next events; returns at least one.
    ///
    /// # Errors
    /// When none is committed within a minute, or the database cannot be read.
    pub(crate) async fn next(&mut self) -> Result<Vec<Recorded>> {
        let begun = Instant::now();
        while begun.elapsed() < EVENT_TIMEOUT {
            self.commits.borrow_and_update();
            let deliveries = self.store.lane(self.read.clone()).await?;
            let page: Vec<_> = deliveries.into_iter().map(|delivery| delivery.recorded).collect();
            page.iter().for_each(|recorded| self.advance(recorded));
            if !page.is_empty() {
                return Ok(page);
            }
            // The next read also finds a commit that was not announced.
            let _ = tokio::time::timeout(POLL_INTERVAL, self.commits.changed()).await;
        }
        Err(Error::failed(format!(
            "no event was committed within {EVENT_TIMEOUT:?}: is the server running?"
        )))
    }

    /// Sends commands that open `count` accounts and waits until a server has handled them.
    ///
    /// # Errors
    /// When they cannot be sent, or no server handles them.
    pub(crate) async fn open_accounts(&mut self, domain: &Domain, count: u64) -> Result<Vec<Id>> {
        domain.process_all((0..count).map(bank::opening)).await?;
        let mut ids = Vec::new();
        while (ids.len() as u64) < count {
            let page = self.next().await?;
            ids.extend(page.iter().filter_map(read::<AccountOpened>).map(|event| event.account_id));
        }
        Ok(ids)
    }

    fn advance(&mut self, recorded: &Recorded) {
        let (priority, position): (Priority, u64) = (recorded.message.priority, recorded.position);
        match self.read.after.iter_mut().find(|(of, _)| *of == priority) {
            Some((_, after)) => *after = position,
            None => self.read.after.push((priority, position)),
        }
    }
}

/// The number in the reference of a deposit, and when its handler began.
pub(crate) fn deposit_of(recorded: &Recorded) -> Option<(u64, i64)> {
    let reference = read::<DepositMade>(recorded)?.reference?;
    let (number, begun) = reference.split_once('@')?;
    Some((number.parse().ok()?, begun.parse().ok()?))
}

fn read<E: Event + serde::de::DeserializeOwned>(recorded: &Recorded) -> Option<E> {
    let name = recorded.message.type_name.split('.').nth(1)?;
    (name == E::NAME).then(|| serde_json::from_str(&recorded.message.data).ok())?
}
