//! Fidelis, a bank: event-sourced accounts, and a summary of each for the counter.
//!
//! * [`account`]: events, commands, the aggregate, its command handler
//! * [`summary`]: the projection and its projector
//!
//! That is all of the bank. What its program does beside, in `commands`, puts it to the test.

#[expect(missing_docs, reason = "the fields and methods are the bank's own words")]
pub mod account;
#[expect(missing_docs, reason = "the fields are the bank's own words")]
pub mod summary;

use protean::DomainBuilder;

use account::{Account, AccountCommandHandler};
use summary::AccountSummaryProjector;

/// The bank's `domain.toml`.
pub const SETTINGS: &str = include_str!("../domain.toml");
const DATABASE: &str = "\"${DATABASE_URI|sqlite:fidelis.db}\"";

/// The bank, as `domain.toml` sets it up.
pub fn domain() -> DomainBuilder {
    configured(SETTINGS)
}

/// The bank, on this database whatever the environment says: `sqlite:bank.db`.
pub fn domain_on(database_uri: &str) -> DomainBuilder {
    configured(&settings_on(database_uri))
}

/// The bank's `domain.toml` with this database.
pub fn settings_on(database_uri: &str) -> String {
    // JSON and TOML quote text alike.
    let quoted = serde_json::Value::from(database_uri).to_string();
    SETTINGS.replace(DATABASE, &quoted)
}

/// The bank with settings of your own, in the form of a `domain.toml`.
pub fn configured(settings: &str) -> DomainBuilder {
    protean::domain("fidelis")
        .config(settings)
        .aggregate::<Account>()
        .register(AccountCommandHandler)
        .register(AccountSummaryProjector)
}
