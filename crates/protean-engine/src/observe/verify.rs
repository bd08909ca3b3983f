//! The account of a domain: what became of every committed message.

use std::sync::Arc;

use protean_core::domain::{Domain, Group};
use protean_port::Result;
use protean_port::port::{Counter, GroupStatus};
use serde::Serialize;

use super::vanished::{VanishedGroup, vanished_groups};

/// At most this many broken streams are named.
const MAX_BROKEN_STREAMS: usize = 100;

/// The account of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// True when every group's account closes, no group with unfinished messages has vanished, and
    /// no stream is broken.
    pub closes: bool,
    /// True when no message is on the way.
    pub at_rest: bool,
    /// The account of each group.
    pub groups: Vec<Account>,
    /// Groups that no handler has any more.
    pub vanished: Vec<VanishedGroup>,
    /// Streams whose positions are not 0, 1, 2, …; at most 100 of them.
    pub broken_streams: Vec<String>,
}

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

/// Draws up the account of every group and looks for gaps in the streams. Works with and
/// without a running server. Cancel safe: it only reads.
///
/// # Errors
/// When the store cannot be opened or read.
pub async fn verify(domain: &Domain) -> Result<Report> {
    let store = domain.store().await?;
    let mut groups = Vec::new();
    for group in domain.groups() {
        let status = store.group_status(&group.name, &group.category).await?;
        groups.push(Account::new(group, &status));
    }
    let vanished = vanished_groups(domain).await?;
    Ok(Report::new(groups, vanished, store.broken_streams(MAX_BROKEN_STREAMS).await?))
}

impl Report {
    fn new(
        groups: Vec<Account>,
        vanished: Vec<VanishedGroup>,
        broken_streams: Vec<String>,
    ) -> Self {
        let is_finished = vanished.iter().all(|group| group.unfinished == 0);
        Self {
            closes: groups.iter().all(|group| group.closes)
                && is_finished
                && broken_streams.is_empty(),
            at_rest: groups.iter().all(|group| group.on_the_way == 0),
            groups,
            vanished,
            broken_streams,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::{Account, Report};

    fn account(on_the_way: u64, closes: bool) -> Account {
        Account {
            group: "fidelis.AccountSummaryProjector".into(),
            handler: "AccountSummaryProjector".into(),
            category: "fidelis::account".into(),
            committed: 10,
            handled: 10 - on_the_way,
            ignored: 0,
            expired: 0,
            purged: 0,
            parked: 0,
            dead: 0,
            on_the_way,
            duplicate: 1,
            closes,
        }
    }

    #[test]
    fn closes_when_every_account_does() {
        let report = Report::new(vec![account(0, true), account(0, true)], Vec::new(), Vec::new());
        assert!(report.closes && report.at_rest);
        assert!(
            !Report::new(vec![account(0, true), account(0, false)], Vec::new(), Vec::new()).closes
        );
    }

    #[test]
    fn a_broken_stream_does_not_close() {
        assert!(
            !Report::new(vec![account(0, true)], Vec::new(), vec!["fidelis::account-7".into()])
                .closes
        );
    }

    #[test]
    fn what_is_on_the_way_is_not_at_rest_and_closes_all_the_same() {
        let report = Report::new(vec![account(3, true)], Vec::new(), Vec::new());
        assert!(report.closes && !report.at_rest);
    }
}
