//! The domain under test: the accounts of `fidelis`, with a command handler that
//! can be slowed down and records when it began.

use std::time::Duration;

use fidelis::account::{Account, MakeDeposit, MakeWithdrawal, OpenAccount};
use fidelis::summary::AccountSummaryProjector;
use protean::prelude::{Context, Id, Result};
use protean::{DomainBuilder, command_handler, ensure};

/// The variable with the milliseconds that a server process takes for each command.
pub(crate) const PAUSE_VARIABLE: &str = "PROTEAN_BENCH_PAUSE_MS";
/// The handler refuses to open an account for this holder.
pub(crate) const REFUSED_HOLDER: &str = "nobody";

/// The bank, slowed down as the environment says.
pub(crate) fn of_environment() -> DomainBuilder {
    let pause = std::env::var(PAUSE_VARIABLE).ok().and_then(|millis| millis.parse().ok());
    domain(Duration::from_millis(pause.unwrap_or(0)))
}

/// The bank, with a handler that takes `pause` for each command.
pub(crate) fn domain(pause: Duration) -> DomainBuilder {
    protean::domain("fidelis")
        .aggregate::<Account>()
        .register(Teller { pause })
        .register(AccountSummaryProjector)
}

/// The command that opens account number `number`.
pub(crate) fn opening(number: u64) -> OpenAccount {
    OpenAccount {
        account_number: format!("ACC-{number:09}"),
        holder_name: format!("Holder Number {number}"),
        opening_deposit: 100.into(),
    }
}

/// A command that its handler refuses.
pub(crate) fn refused(number: u64) -> OpenAccount {
    OpenAccount { holder_name: REFUSED_HOLDER.to_owned(), ..opening(number) }
}

/// A deposit of 1 under a reference.
pub(crate) fn deposit(account_id: &Id, reference: Option<String>) -> MakeDeposit {
    MakeDeposit { account_id: account_id.clone(), amount: 1.into(), reference }
}

struct Teller {
    pause: Duration,
}

impl Teller {
    async fn pause(&self) {
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
    }
}

#[command_handler(part_of = Account)]
impl Teller {
    #[handle]
    async fn open(&self, command: OpenAccount, ctx: &Context) -> Result<Id> {
        self.pause().await;
        ensure!(command.holder_name != REFUSED_HOLDER, "holder_name" => "is not served");
        let account = Account::open(command)?;
        let id = account.id();
        ctx.repository::<Account>().add(account).await?;
        Ok(id)
    }

    /// Appends the start of the handler to the reference, if there is one.
    #[handle]
    async fn deposit(&self, command: MakeDeposit, ctx: &Context) -> Result {
        let begun = ctx.now().as_micros();
        self.pause().await;
        let mut account = ctx.repository::<Account>().get(&command.account_id).await?;
        let reference = command.reference.map(|reference| format!("{reference}@{begun}"));
        account.deposit(command.amount, reference)?;
        ctx.repository::<Account>().add(account).await
    }

    #[handle]
    async fn withdraw(&self, command: MakeWithdrawal, ctx: &Context) -> Result {
        self.pause().await;
        let mut account = ctx.repository::<Account>().get(&command.account_id).await?;
        account.withdraw(command.amount, command.reference)?;
        ctx.repository::<Account>().add(account).await
    }
}
