//! What a command has changed, as the category `<domain>::operations` keeps it.

use protean::{Domain, Operator};
use protean_engine::record_operation;

use crate::{Error, Result};

/// Records what is done, how many messages it concerned, and to what it was done.
///
/// # Errors
/// When it cannot be recorded; it is done all the same.
pub(super) async fn record(
    domain: &Domain,
    action: &'static str,
    filter: impl IntoIterator<Item = (&'static str, String)>,
    count: u64,
) -> Result<()> {
    let by = Operator::at_command_line();
    let recorded = record_operation(domain, &by, action, filter, count).await;
    recorded.map_err(|error| {
        Error::failed(format!("the '{action}' is done, but not recorded: {error:#}"))
    })
}
