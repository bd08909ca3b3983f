//! Whether a domain has nothing left to do.

use protean_core::domain::{Domain, Group};
use protean_port::Result;
use protean_port::message::Priority;
use protean_port::port::ParkedRead;

use super::account::{Account, accounts};

/// True when no message is on the way, and none that is parked waits for another attempt. Dead
/// letters, messages behind them, and what is scheduled for later are at rest. Cancel safe: it
/// only reads.
///
/// # Errors
/// When the store cannot be opened or read.
pub async fn is_at_rest(domain: &Domain) -> Result<bool> {
    are_at_rest(domain, &accounts(domain).await?).await
}

/// The same, of accounts that were just read.
pub(super) async fn are_at_rest(domain: &Domain, read: &[Account]) -> Result<bool> {
    if read.iter().any(|account| account.on_the_way > 0) {
        return Ok(false);
    }
    for (group, account) in domain.groups().iter().zip(read) {
        if account.parked > 0 && waits_for_attempt(domain, group).await? {
            return Ok(false);
        }
    }
    // Groups feed each other: the last message of one is work for another that was read before.
    Ok(accounts(domain).await? == read)
}

/// True when a parked message of the group is due, or will be.
async fn waits_for_attempt(domain: &Domain, group: &Group) -> Result<bool> {
    let read = ParkedRead {
        group: group.name.to_string(),
        category: group.category.clone(),
        range: Priority::ALL,
        now: domain.clock().now(),
        limit: 1,
    };
    let parked = domain.store().await?.parked(read).await?;
    Ok(!parked.due.is_empty() || parked.next_due.is_some())
}
