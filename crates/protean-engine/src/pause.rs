//! A wait that ends when the server stops.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Waits; false when `stop` is cancelled meanwhile.
pub(crate) async fn pause(stop: &CancellationToken, wait: Duration) -> bool {
    tokio::time::timeout(wait, stop.cancelled()).await.is_err()
}
