//! A domain to start from: the accounts of a shop's customers.
//!
//! * [`account`]: commands, events, and the aggregate with its rules
//! * [`summary`]: the read model
//! * [`http`]: both over HTTP
//! * [`import`]: accounts from a CSV file

pub mod account;
pub mod http;
pub mod import;
pub mod summary;

use protean::DomainBuilder;

use account::{Account, AccountCommandHandler};
use summary::AccountSummaryProjector;

/// The domain, configured by `domain.toml`.
pub fn domain() -> DomainBuilder {
    protean::domain("{name}")
        .config(include_str!("../domain.toml"))
        .aggregate::<Account>()
        .register(AccountCommandHandler)
        .register(AccountSummaryProjector)
}
