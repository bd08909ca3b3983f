//! Opens accounts at BULK while the server is killed and restarted.

use std::time::{Duration, Instant};

use fidelis::account::OpenAccount;
use protean::Submission;
use protean::{Decimal, Domain, Priority, Result};
use protean_cli::Error;
use tokio::task::JoinHandle;
use workbench::names::name;
use workbench::outages::in_spite_of_outages;
use workbench::random::Random;

/// How often those come that do not come at once.
const SEND_INTERVAL: Duration = Duration::from_millis(100);

/// Accounts on their way in. Dropping it breaks off.
pub(crate) struct AccountImport(JoinHandle<Result<u64>>);

impl AccountImport {
    /// Half of the accounts come at once, so that there is a backlog to be killed
    /// in; the others evenly over the time, so that there is work to its end.
    pub(crate) fn begin(domain: Domain, accounts: u64, over: Duration) -> Self {
        Self(tokio::spawn(take_in(domain, accounts, over)))
    }

    /// Waits for the last of them, and says how many the bank has accepted.
    ///
    /// # Errors
    /// When one could not be taken in.
    pub(crate) async fn end(mut self) -> Result<u64, Error> {
        Ok((&mut self.0).await??)
    }
}

impl Drop for AccountImport {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn take_in(domain: Domain, accounts: u64, over: Duration) -> Result<u64> {
    let began = Instant::now();
    let (mut sent, mut accepted) = (0, 0);
    while sent < accounts {
        let passed = began.elapsed().as_secs_f64() / over.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "2^52 accounts will not come")]
        let more = ((accounts - accounts / 2) as f64 * passed) as u64;
        let due = (accounts / 2 + more).min(accounts);
        // What was kept before the database went away is a duplicate the second time.
        let submitted = in_spite_of_outages(|| {
            let commands = (sent..due).map(submission);
            domain.process_all(commands).priority(Priority::BULK)
        });
        let kept = submitted.await?;
        accepted += kept.accepted + kept.duplicate;
        sent = due;
        tokio::time::sleep(SEND_INTERVAL).await;
    }
    Ok(accepted)
}

fn submission(index: u64) -> Submission<OpenAccount> {
    let command = account(index);
    let key = command.account_number.clone();
    Submission::new(command).idempotency_key(key)
}

/// The account that comes as number `index`: the same each time it is asked for.
pub(crate) fn account(index: u64) -> OpenAccount {
    let mut random = Random::new(index);
    let holder_name = name(&mut random);
    let cents = i64::try_from(random.below(10_000_000)).unwrap_or(0);
    let opening_deposit = Decimal::new(cents, 2);
    OpenAccount { account_number: format!("E-{index:08}"), holder_name, opening_deposit }
}
