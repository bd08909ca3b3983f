//! Reads the log page by page, outside every consumer group.

use std::sync::Arc;

use fidelis::account::{AccountOpened, DepositMade, WithdrawalMade};
use protean::message::{Category, Priority, Recorded};
use protean::model::Event;
use protean::port::{LaneRead, Store};
use protean::{Decimal, Domain, Error, Result};

use crate::trial::outages::in_spite_of_outages;

/// The group this reader names: it is not registered and settles nothing.
const READER: &str = "fidelis.history";
const PAGE: usize = 1000;
/// All priorities there are.
pub(crate) const EVERY_LANE: (Priority, Priority) =
    (Priority::new(i32::MIN), Priority::new(i32::MAX));

/// The events of the accounts, each priority in the order of its commits.
pub(crate) struct History {
    store: Arc<dyn Store>,
    read: LaneRead,
}

/// An event of an account.
pub(crate) enum AccountEvent {
    Opened(AccountOpened),
    Deposited(DepositMade),
    Withdrawn(WithdrawalMade),
}

impl AccountEvent {
    /// How it changes the money in the bank.
    pub(crate) fn change(&self) -> Decimal {
        match self {
            Self::Opened(opened) => opened.opening_deposit,
            Self::Deposited(deposit) => deposit.amount,
            Self::Withdrawn(withdrawal) => -withdrawal.amount,
        }
    }
}

impl History {
    /// Everything in a range of priorities, from the beginning.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub(crate) async fn of(domain: &Domain, range: (Priority, Priority)) -> Result<Self> {
        Self::reading(domain, Category::of(domain.name(), "Account"), range).await
    }

    /// The same for another category, such as that of the commands.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub(crate) async fn reading(
        domain: &Domain,
        category: Category,
        range: (Priority, Priority),
    ) -> Result<Self> {
        let store = Arc::clone(domain.store().await?);
        let (group, after) = (READER.to_owned(), Vec::new());
        Ok(Self { store, read: LaneRead { group, category, range, after, limit: PAGE } })
    }

    /// Shows every record there is, page by page.
    ///
    /// # Errors
    /// When the database cannot be read, or `visit` fails.
    pub(crate) async fn each(&mut self, mut visit: impl FnMut(&Recorded) -> Result) -> Result {
        loop {
            let page = self.next_page().await?;
            if page.is_empty() {
                return Ok(());
            }
            page.iter().try_for_each(&mut visit)?;
        }
    }

    /// The next page; empty when there is nothing new. Another call later may
    /// give more.
    ///
    /// # Errors
    /// When the database cannot be read, not even a minute later.
    pub(crate) async fn next_page(&mut self) -> Result<Vec<Recorded>> {
        let page = in_spite_of_outages(|| self.store.lane(self.read.clone())).await?;
        for delivery in &page {
            let (priority, position) =
                (delivery.recorded.message.priority, delivery.recorded.position);
            match self.read.after.iter_mut().find(|(of, _)| *of == priority) {
                Some((_, after)) => *after = position,
                None => self.read.after.push((priority, position)),
            }
        }
        Ok(page.into_iter().map(|delivery| delivery.recorded).collect())
    }

    /// The last place read so far in the whole log.
    pub(crate) fn position(&self) -> u64 {
        self.read.after.iter().map(|(_, position)| *position).max().unwrap_or(0)
    }

    /// Passes over everything there is now.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) async fn skip(&mut self) -> Result {
        while !self.next_page().await?.is_empty() {}
        Ok(())
    }
}

/// The event in a record, when it is one of those this bank knows.
///
/// # Errors
/// When its data cannot be read.
pub(crate) fn account_event(recorded: &Recorded) -> Result<Option<AccountEvent>> {
    let (name, data) = (&recorded.message.type_name, &recorded.message.data);
    let unreadable = |error: serde_json::Error| {
        Error::failed(format!("the event {} cannot be read", recorded.message.id))
            .with_source(error)
    };
    let read = match name.split('.').nth(1) {
        Some(AccountOpened::NAME) => serde_json::from_str(data).map(AccountEvent::Opened),
        Some(DepositMade::NAME) => serde_json::from_str(data).map(AccountEvent::Deposited),
        Some(WithdrawalMade::NAME) => serde_json::from_str(data).map(AccountEvent::Withdrawn),
        _ => return Ok(None),
    };
    read.map(Some).map_err(unreadable)
}
