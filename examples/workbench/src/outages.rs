//! Retries while the database is away.

use std::time::{Duration, Instant};

use protean::Result;

/// How long the database may be away.
const OUTAGE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long to wait before asking again.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Tries again while something outside cannot be reached. What is tried must
/// come to the same when it is done twice.
///
/// # Errors
/// Any other error at once, and that one after a minute.
pub async fn in_spite_of_outages<T, F>(mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: IntoFuture<Output = Result<T>>,
{
    let began = Instant::now();
    loop {
        match attempt().await {
            Err(error) if error.is_unavailable() && began.elapsed() < OUTAGE_TIMEOUT => {
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
            done => return done,
        }
    }
}
