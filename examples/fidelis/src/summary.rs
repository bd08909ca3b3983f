//! The summary of an account for the counter, projected from its events.

use protean::prelude::{Context, Decimal, Id, Result};
use protean::{projection, projector};

use crate::account::{AccountOpened, DepositMade, WithdrawalMade};

/// One account at a glance.
#[projection]
pub struct AccountSummary {
    #[field(identifier)]
    pub account_id: Id,
    #[field(max_length = 20, blank = false)]
    pub account_number: String,
    #[field(max_length = 100, blank = false)]
    pub holder_name: String,
    pub balance: Decimal,
    pub deposits: u64,
    pub withdrawals: u64,
}

/// Keeps the summaries.
pub struct AccountSummaryProjector;

#[projector(projection = AccountSummary)]
impl AccountSummaryProjector {
    #[on]
    async fn opened(&self, event: AccountOpened, ctx: &Context) -> Result {
        let summary = AccountSummary {
            account_id: event.account_id,
            account_number: event.account_number,
            holder_name: event.holder_name,
            balance: event.opening_deposit,
            deposits: 0,
            withdrawals: 0,
        };
        ctx.repository::<AccountSummary>().add(summary).await
    }

    #[on]
    async fn deposited(&self, event: DepositMade, ctx: &Context) -> Result {
        let mut summary = ctx.repository::<AccountSummary>().get(&event.account_id).await?;
        summary.balance += event.amount;
        summary.deposits += 1;
        ctx.repository::<AccountSummary>().add(summary).await
    }

    #[on]
    async fn withdrawn(&self, event: WithdrawalMade, ctx: &Context) -> Result {
        let mut summary = ctx.repository::<AccountSummary>().get(&event.account_id).await?;
        summary.balance -= event.amount;
        summary.withdrawals += 1;
        ctx.repository::<AccountSummary>().add(summary).await
    }
}
