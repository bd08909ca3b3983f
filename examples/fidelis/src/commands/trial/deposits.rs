//! Customers who pay in while everything else goes on.

use fidelis::account::{Account, DepositMade, MakeDeposit};
use protean::message::{Lane, Recorded};
use protean::{Decimal, Domain, Id};
use protean_cli::{Error, Result};
use workbench::history::{History, event};
use workbench::latency::Latencies;
use workbench::outages::in_spite_of_outages;
use workbench::visitors::{Visit, Visitors};

/// Deposits to these accounts, each in turn.
pub(crate) struct Deposits(pub(crate) Vec<Id>);

/// What customers have paid in.
#[derive(Default)]
pub(crate) struct PaidIn {
    /// How long deposits took before the import began.
    pub(crate) idle: Latencies,
    /// And since it began.
    pub(crate) during: Latencies,
    /// Deposits that the bank accepted, and what they come to.
    pub(crate) accepted: u64,
    pub(crate) total: Decimal,
    /// Accepted, but not seen in the log in time.
    pub(crate) unanswered: u64,
}

impl Visit for Deposits {
    async fn send(&self, domain: &Domain, number: u64) -> Result<(), String> {
        let account_id = self.0[number as usize % self.0.len()].clone();
        let (amount, reference) = (amount(number), format!("counter-{number}"));
        // A sender that got no answer sends the same again, under the same key.
        let key = format!("{account_id}-{reference}");
        let command = MakeDeposit { account_id, amount, reference: Some(reference) };
        let submit = || domain.process(command.clone()).idempotency_key(key.clone()).asynchronous();
        in_spite_of_outages(submit).await.map(drop).map_err(|error| format!("{error:#}"))
    }

    fn done(&self, recorded: &Recorded) -> Result<Option<u64>> {
        let deposit: Option<DepositMade> = event(recorded)?;
        Ok(deposit.and_then(|deposit| number_of(deposit.reference.as_deref())))
    }

    async fn history(&self, domain: &Domain) -> Result<History> {
        Ok(History::of::<Account>(domain, domain.lanes().range(Lane::Primary)).await?)
    }
}

impl PaidIn {
    /// Stops new deposits and waits for those under way.
    ///
    /// # Errors
    /// When a deposit was not accepted, or the log cannot be read.
    pub(crate) async fn at_the_end(customers: Visitors) -> Result<Self> {
        let takings = customers.close().await?;
        let (accepted, unanswered) = (takings.accepted(), takings.unanswered);
        match takings.failure {
            Some(reason) => Err(Error::failed(reason)),
            None => Ok(Self {
                idle: takings.calm.done,
                during: takings.busy.done,
                accepted,
                total: (0..accepted).map(amount).sum(),
                unanswered,
            }),
        }
    }
}

/// Some amount to the cent, another one each time.
fn amount(number: u64) -> Decimal {
    Decimal::new(i64::try_from(1 + number.wrapping_mul(7919) % 50_000).unwrap_or(1), 2)
}

/// How often customers can come: from 0 to 10,000 times a second.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=10_000.0).contains(&rate) => Ok(rate),
        _ => Err("expected a number from 0 to 10000".into()),
    }
}

/// The number of a customer's deposit.
pub(crate) fn number_of(reference: Option<&str>) -> Option<u64> {
    reference?.strip_prefix("counter-")?.parse().ok()
}
