//! Waits until a domain has nothing left to do.

use std::time::Duration;

use protean::{Domain, Result};
use protean_engine::is_at_rest;

/// The pause between two checks.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Waits until no group of the domain has a message to handle or to retry. Does not wait
/// for dead letters, nor for messages behind them.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn wait_until_idle(domain: &Domain) -> Result {
    while !is_at_rest(domain).await? {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use protean_engine::{Server, verify};
    use tokio::time::timeout;

    use super::wait_until_idle;
    use crate::sample::{OpenAccount, bank};

    #[tokio::test]
    async fn a_domain_with_waiting_messages_is_not_idle() {
        let domain = bank(&Arc::default()).build().unwrap();
        assert!(wait_until_idle(&domain).await.is_ok());
        domain.process(OpenAccount { account_id: "1".into() }).await.unwrap();
        assert!(timeout(Duration::from_millis(120), wait_until_idle(&domain)).await.is_err());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_in_test_mode_stops_when_all_messages_are_handled_or_dead() {
        let domain = bank(&Arc::new(AtomicBool::new(true))).build().unwrap();
        for account in ["1", "2"] {
            domain.process(OpenAccount { account_id: account.into() }).await.unwrap();
        }
        let watched = domain.clone();
        let done = async move { wait_until_idle(&watched).await.unwrap() };
        let served = Server::new(domain.clone()).run(done);
        timeout(Duration::from_secs(10), served).await.unwrap().unwrap();
        let report = verify(&domain).await.unwrap();
        let handled: Vec<_> =
            report.groups.iter().map(|group| (group.handled, group.dead)).collect();
        assert_eq!(handled, [(2, 0), (0, 2)]);
        assert!(report.closes && report.at_rest);
    }
}
