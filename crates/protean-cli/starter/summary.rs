//! The read model: one row for each account, kept up to date from its events.

use protean::prelude::{Context, Decimal, Id, Result};
use protean::{projection, projector};

use crate::account::{AccountOpened, DepositMade, WithdrawalMade};

/// An account at a glance.
#[projection(index(balance desc))]
pub struct AccountSummary {
    #[field(identifier)]
    pub account_id: Id,
    pub holder: String,
    pub balance: Decimal,
    pub movements: u64,
}

/// Writes the summaries. Each event changes its row exactly once.
pub struct AccountSummaryProjector;

#[projector(projection = AccountSummary)]
impl AccountSummaryProjector {
    #[on]
    async fn opened(&self, event: AccountOpened, ctx: &Context) -> Result {
        let AccountOpened { account_id, holder, balance } = event;
        let summary = AccountSummary { account_id, holder, balance, movements: 0 };
        ctx.repository::<AccountSummary>().add(summary).await
    }

    #[on]
    async fn deposited(&self, event: DepositMade, ctx: &Context) -> Result {
        moved(&event.account_id, event.amount, ctx).await
    }

    #[on]
    async fn withdrawn(&self, event: WithdrawalMade, ctx: &Context) -> Result {
        moved(&event.account_id, -event.amount, ctx).await
    }
}

async fn moved(account_id: &Id, amount: Decimal, ctx: &Context) -> Result {
    let summaries = ctx.repository::<AccountSummary>();
    let mut summary = summaries.get(account_id).await?;
    summary.balance += amount;
    summary.movements += 1;
    summaries.add(summary).await
}
