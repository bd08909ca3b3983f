//! Whether a server could begin, found out before there is one.

use protean_port::Result;

use super::Domain;
use super::brokers::open;

/// Opens the database and the brokers of these names, and closes them again. A broker
/// that cannot be reached now is passed over: whoever needs it waits for it.
///
/// # Errors
/// When the database cannot be opened or prepared, or when something about a broker
/// has to be changed first.
pub async fn preflight(domain: &Domain, brokers: &[&str]) -> Result {
    domain.open().await?;
    for name in brokers {
        match open(domain, name).await {
            Err(failed) if !failed.is_unavailable() => return Err(failed),
            _ => {}
        }
    }
    Ok(())
}
