//! Settings of the server that make production wait.

use protean_port::Result;

use crate::check::setting;
use crate::shared::Shared;

/// Asks the server, and says what to change about it.
pub(crate) async fn ask(shared: &Shared) -> Result<Vec<String>> {
    let appends = setting(shared, "appendonly").await?;
    let syncs = setting(shared, "appendfsync").await?;
    let waits_for_disk = appends.as_deref() == Some("yes") && syncs.as_deref() == Some("always");
    let advice = "appendfsync = always: every published message waits for Redis's disk, although \
                  the database keeps it and publishes it again after a loss; set appendfsync = \
                  everysec";
    Ok(waits_for_disk.then(|| advice.to_owned()).into_iter().collect())
}
