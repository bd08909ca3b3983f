//! What each server checks every minute: that its recurring commands are scheduled, and whether rows
//! of the intake name a domain that does not use the database.

use std::time::Duration;

use protean_core::domain::{Domain, Intake, ScheduledMessages};
use protean_port::Result;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// How often each server checks.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);
/// The most rows that one commit rejects.
const MAX_REJECTS: usize = 256;

/// Checks until `stop` is cancelled: a recurring command may have been cancelled, or its pattern may
/// have changed. Cancel safe.
pub(crate) async fn check_every_minute(domain: Domain, stop: CancellationToken) {
    loop {
        if stop.run_until_cancelled(check(&domain)).await.is_none() {
            return;
        }
        if tokio::time::timeout(CHECK_INTERVAL, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}

async fn check(domain: &Domain) {
    if let Err(error) = ScheduledMessages::of(domain).schedule_recurring().await {
        warn!(
            error = format_args!("{error:#}"),
            "cannot schedule recurring commands, trying again in a minute"
        );
    }
    if let Err(error) = reject_strangers(&Intake::of(domain)).await {
        warn!(
            error = format_args!("{error:#}"),
            "cannot reject rows of the intake that name an unknown domain, trying again in a minute"
        );
    }
}

async fn reject_strangers(intake: &Intake<'_>) -> Result {
    while intake.is_open() && intake.reject_strangers(MAX_REJECTS).await? > 0 {}
    Ok(())
}
