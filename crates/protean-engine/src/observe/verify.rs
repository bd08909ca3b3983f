//! The account of a domain: what became of every committed message.

use std::collections::BTreeMap;

use protean_core::domain::Domain;
use protean_port::Result;
use protean_port::message::Category;
use protean_port::port::{ScheduleAccount, Store};
use serde::Serialize;

use super::account::{Account, accounts};
use super::at_rest::are_at_rest;
use super::vanished::{VanishedGroup, vanished_groups};

/// At most this many broken streams are named.
const MAX_BROKEN_STREAMS: usize = 100;
/// A group that has settled nothing: its status counts the whole log.
const NOBODY: &str = "";

/// The account of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// True when every group's account and that of the schedule close, no group with unfinished
    /// messages has vanished, no stream is broken and no category is miscounted.
    pub closes: bool,
    /// True when no message is on the way, and none that is parked waits for another attempt.
    pub at_rest: bool,
    /// The account of each group.
    pub groups: Vec<Account>,
    /// Groups that no handler has any more.
    pub vanished: Vec<VanishedGroup>,
    /// Streams whose positions are not 0, 1, 2, …; at most 100 of them.
    pub broken_streams: Vec<String>,
    /// Categories of which the log holds fewer or more messages than were counted as they came in.
    pub miscounted_categories: Vec<String>,
    /// The account of scheduled commands and timers.
    pub schedule: ScheduleAccount,
}

/// Draws up the account of every group, counts the log and looks for gaps in the streams. Works
/// with and without a running server. Cancel safe: it only reads.
///
/// # Errors
/// When the store cannot be opened or read.
pub async fn verify(domain: &Domain) -> Result<Report> {
    let store = domain.store().await?;
    let groups = accounts(domain).await?;
    let at_rest = are_at_rest(domain, &groups).await?;
    let vanished = vanished_groups(domain).await?;
    let broken_streams = store.broken_streams(MAX_BROKEN_STREAMS).await?;
    let miscounted_categories = miscounted_categories(domain, &**store).await?;
    let schedule = store.schedule_account().await?;
    Ok(Report::of(groups, at_rest, vanished, broken_streams, miscounted_categories, schedule))
}

/// The categories whose counts do not agree with the log. Messages may come in meanwhile: what is
/// counted lies between what the log held before and what it holds after.
async fn miscounted_categories(domain: &Domain, store: &dyn Store) -> Result<Vec<String>> {
    let least = messages_by_category(store).await?;
    let mut differing = BTreeMap::new();
    for group in domain.groups() {
        let counted = store.group_status(NOBODY, &group.category).await?.committed;
        if counted != messages(&least, &group.category) {
            differing.insert(&group.category, counted);
        }
    }
    if differing.is_empty() {
        return Ok(Vec::new());
    }
    let most = messages_by_category(store).await?;
    let miscounted = differing.into_iter().filter(|(category, counted)| {
        !(messages(&least, category)..=messages(&most, category)).contains(counted)
    });
    Ok(miscounted.map(|(category, _)| category.to_string()).collect())
}

fn messages(of: &BTreeMap<Category, u64>, category: &Category) -> u64 {
    of.get(category).copied().unwrap_or(0)
}

/// How many messages the log holds of each category.
async fn messages_by_category(store: &dyn Store) -> Result<BTreeMap<Category, u64>> {
    let mut messages = BTreeMap::new();
    for of_type in store.stats().await? {
        *messages.entry(of_type.category).or_default() += of_type.count;
    }
    Ok(messages)
}

impl Report {
    /// The account of these parts: it closes as they do.
    fn of(
        groups: Vec<Account>,
        at_rest: bool,
        vanished: Vec<VanishedGroup>,
        broken_streams: Vec<String>,
        miscounted_categories: Vec<String>,
        schedule: ScheduleAccount,
    ) -> Self {
        let closes = groups.iter().all(|group| group.closes)
            && vanished.iter().all(|group| group.unfinished == 0)
            && broken_streams.is_empty()
            && miscounted_categories.is_empty()
            && schedule.closes();
        Self { closes, at_rest, groups, vanished, broken_streams, miscounted_categories, schedule }
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, Report, ScheduleAccount};

    fn account(closes: bool) -> Account {
        Account {
            group: "fidelis.AccountSummaryProjector".into(),
            handler: "AccountSummaryProjector".into(),
            category: "fidelis::account".into(),
            committed: 10,
            handled: 10,
            ignored: 0,
            expired: 0,
            purged: 0,
            parked: 0,
            dead: 0,
            on_the_way: 0,
            duplicate: 1,
            closes,
        }
    }

    fn report(groups: Vec<Account>) -> Report {
        Report::of(groups, true, Vec::new(), Vec::new(), Vec::new(), ScheduleAccount::default())
    }

    #[test]
    fn closes_when_every_account_does() {
        assert!(report(vec![account(true), account(true)]).closes);
        assert!(!report(vec![account(true), account(false)]).closes);
    }

    #[test]
    fn any_other_fault_does_not_close() {
        let named = |name: &str| vec![name.to_owned()];
        let (nothing, none) = (Vec::new(), ScheduleAccount::default());
        let schedule = ScheduleAccount::of([("scheduled", 1)]);
        for (broken, miscounted, schedule) in [
            (named("fidelis::account-7"), nothing.clone(), none),
            (nothing.clone(), named("fidelis::account"), none),
            (nothing.clone(), nothing, schedule),
        ] {
            let groups = vec![account(true)];
            assert!(!Report::of(groups, true, Vec::new(), broken, miscounted, schedule).closes);
        }
    }
}
