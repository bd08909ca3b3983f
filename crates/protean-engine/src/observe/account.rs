//! The account of a group.

use std::sync::Arc;

use protean_core::domain::{Domain, Group};
use protean_port::Result;
use protean_port::port::{Counter, GroupStatus};
use serde::Serialize;

/// The account of one group, read in one consistent view:
/// committed = handled + ignored + expired + purged + parked + dead + on the way.
///
/// Every term but `committed` and `on_the_way` is written by the transactions
/// that settle messages; none is computed as the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// The group, `<domain>.<handler>`.
    pub group: Arc<str>,
    /// The handler; all their names, when several share a category's commands.
    pub handler: String,
    /// The category it reads.
    pub category: String,
    /// Messages committed since the group began.
    pub committed: u64,
    /// Messages whose handler ran and whose effects are committed.
    pub handled: u64,
    /// Messages of a type the group does not handle.
    pub ignored: u64,
    /// Messages whose deadline had passed.
    pub expired: u64,
    /// Messages given up and dropped.
    pub purged: u64,
    /// Messages that wait for another try, or behind one that does.
    pub parked: u64,
    /// Messages given up.
    pub dead: u64,
    /// Messages committed and not settled yet: 0 at rest, and while the server
    /// works the bound of what may still move.
    pub on_the_way: u64,
    /// Copies that came after the message was handled; not part of the sum.
    pub duplicate: u64,
    /// True when every committed message is accounted for exactly once.
    pub closes: bool,
}

impl Account {
    fn new(group: &Group, status: &GroupStatus) -> Self {
        Self {
            group: Arc::clone(&group.name),
            handler: group.handler.clone(),
            category: group.category.to_string(),
            committed: status.committed,
            handled: status.count(Counter::Handled),
            ignored: status.count(Counter::Ignored),
            expired: status.count(Counter::Expired),
            purged: status.count(Counter::Purged),
            parked: status.parked(),
            dead: status.dead(),
            on_the_way: status.lag(),
            duplicate: status.count(Counter::Duplicate),
            closes: status.closes(),
        }
    }
}

/// The account of every group, without the log: it takes the same time however long that is.
/// Cancel safe: it only reads.
///
/// # Errors
/// When the store cannot be opened or read.
pub async fn accounts(domain: &Domain) -> Result<Vec<Account>> {
    let store = domain.store().await?;
    let mut groups = Vec::new();
    for group in domain.groups() {
        let status = store.group_status(&group.name, &group.category).await?;
        groups.push(Account::new(group, &status));
    }
    Ok(groups)
}
