//! Customer accounts: what can happen to them, and the rules that always hold.

use protean::prelude::{Context, Decimal, Id, Result, Root};
use protean::{aggregate, aggregate_impl, command, command_handler, ensure, event};

/// A customer opened an account.
#[event(part_of = Account)]
pub struct AccountOpened {
    pub account_id: Id,
    pub holder: String,
    pub balance: Decimal,
}

/// Money was paid in.
#[event(part_of = Account)]
pub struct DepositMade {
    pub account_id: Id,
    pub amount: Decimal,
}

/// Money was paid out.
#[event(part_of = Account)]
pub struct WithdrawalMade {
    pub account_id: Id,
    pub amount: Decimal,
}

/// Opens an account; returns its identity.
#[command(part_of = Account, returns = Id)]
pub struct OpenAccount {
    #[field(max_length = 100, blank = false)]
    pub holder: String,
    #[field(min_value = 0, default = 0)]
    pub balance: Decimal,
}

/// Pays money in; returns the new balance.
#[command(part_of = Account, returns = Decimal)]
pub struct MakeDeposit {
    #[field(identifier)]
    pub account_id: Id,
    pub amount: Decimal,
}

/// Pays money out; returns the new balance.
#[command(part_of = Account, returns = Decimal)]
pub struct MakeWithdrawal {
    #[field(identifier)]
    pub account_id: Id,
    pub amount: Decimal,
}

/// The account of a customer. Its events are stored, and its state is what they add up to.
#[aggregate(event_sourced, commands(OpenAccount, MakeDeposit, MakeWithdrawal))]
pub struct Account {
    root: Root<Account>,
    #[field(max_length = 100, blank = false)]
    pub holder: String,
    pub balance: Decimal,
}

#[aggregate_impl]
impl Account {
    pub fn open(holder: String, balance: Decimal) -> Result<Self> {
        let mut account = Self::create();
        account.raise(AccountOpened { account_id: account.id(), holder, balance })?;
        Ok(account)
    }

    pub fn deposit(&mut self, amount: Decimal) -> Result {
        ensure!(amount > 0, "amount" => "A deposit must be positive");
        self.raise(DepositMade { account_id: self.id(), amount })
    }

    pub fn withdraw(&mut self, amount: Decimal) -> Result {
        ensure!(amount > 0, "amount" => "A withdrawal must be positive");
        self.raise(WithdrawalMade { account_id: self.id(), amount })
    }

    #[invariant(post, "balance" => "The balance must not be negative")]
    fn balance_is_not_negative(&self) -> bool {
        self.balance >= 0
    }

    #[apply]
    fn on_opened(&mut self, event: &AccountOpened) {
        self.holder.clone_from(&event.holder);
        self.balance = event.balance;
    }

    #[apply]
    fn on_deposit(&mut self, event: &DepositMade) {
        self.balance += event.amount;
    }

    #[apply]
    fn on_withdrawal(&mut self, event: &WithdrawalMade) {
        self.balance -= event.amount;
    }
}

/// Loads the account that a command is for, changes it, and stores it.
pub struct AccountCommandHandler;

#[command_handler(part_of = Account)]
impl AccountCommandHandler {
    #[handle]
    async fn open(&self, command: OpenAccount, ctx: &Context) -> Result<Id> {
        let account = Account::open(command.holder, command.balance)?;
        let account_id = account.id();
        ctx.repository::<Account>().add(account).await?;
        Ok(account_id)
    }

    #[handle]
    async fn deposit(&self, command: MakeDeposit, ctx: &Context) -> Result<Decimal> {
        let accounts = ctx.repository::<Account>();
        let mut account = accounts.get(&command.account_id).await?;
        account.deposit(command.amount)?;
        let balance = account.balance;
        accounts.add(account).await?;
        Ok(balance)
    }

    #[handle]
    async fn withdraw(&self, command: MakeWithdrawal, ctx: &Context) -> Result<Decimal> {
        let accounts = ctx.repository::<Account>();
        let mut account = accounts.get(&command.account_id).await?;
        account.withdraw(command.amount)?;
        let balance = account.balance;
        accounts.add(account).await?;
        Ok(balance)
    }
}
