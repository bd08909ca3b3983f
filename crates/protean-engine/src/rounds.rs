//! Polling: a round every [`LOOK_INTERVAL`], and immediately while there is more to do.

use std::future::Future;
use std::time::Duration;

use protean_port::Result;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// How long to wait when there is nothing more to do.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Runs rounds until `stop` is cancelled; a round returns true when there may be more to do. Of
/// several failures in a row, the first is logged: cannot do `what`.
pub(crate) async fn repeat_rounds<F>(
    stop: &CancellationToken,
    what: &'static str,
    round: impl Fn() -> F,
) where
    F: Future<Output = Result<bool>>,
{
    let mut has_failed = false;
    while !stop.is_cancelled() {
        match round().await {
            Ok(is_full) => {
                has_failed = false;
                if is_full {
                    continue;
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut has_failed, true) {
                    warn!(error = format_args!("{error:#}"), "cannot {what}, trying again");
                }
            }
        }
        let _ = tokio::time::timeout(LOOK_INTERVAL, stop.cancelled()).await;
    }
}
