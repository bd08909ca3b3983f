//! The bank's accounts: their events, commands, aggregate and command handler.

use protean::prelude::{Context, Decimal, Id, Result, Root};
use protean::{aggregate, aggregate_impl, command, command_handler, ensure, event};

/// An account was opened.
#[event(part_of = Account, published)]
pub struct AccountOpened {
    pub account_id: Id,
    pub account_number: String,
    pub holder_name: String,
    pub opening_deposit: Decimal,
}

/// Money was paid in.
#[event(part_of = Account)]
pub struct DepositMade {
    pub account_id: Id,
    pub amount: Decimal,
    pub reference: Option<String>,
}

/// Money was paid out.
#[event(part_of = Account)]
pub struct WithdrawalMade {
    pub account_id: Id,
    pub amount: Decimal,
    pub reference: Option<String>,
}

/// Opens an account; answers with its identity.
#[command(part_of = Account, returns = Id)]
pub struct OpenAccount {
    #[field(max_length = 20, blank = false)]
    pub account_number: String,
    #[field(max_length = 100, blank = false)]
    pub holder_name: String,
    #[field(min_value = 0)]
    pub opening_deposit: Decimal,
}

/// Pays money in.
#[command(part_of = Account)]
pub struct MakeDeposit {
    #[field(identifier)]
    pub account_id: Id,
    pub amount: Decimal,
    pub reference: Option<String>,
}

/// Pays money out.
#[command(part_of = Account)]
pub struct MakeWithdrawal {
    #[field(identifier)]
    pub account_id: Id,
    pub amount: Decimal,
    pub reference: Option<String>,
}

/// An account of a customer.
#[aggregate(event_sourced, commands(OpenAccount, MakeDeposit, MakeWithdrawal))]
pub struct Account {
    root: Root<Account>,
    #[field(max_length = 20, blank = false)]
    pub account_number: String,
    #[field(max_length = 100, blank = false)]
    pub holder_name: String,
    pub balance: Decimal,
    #[field(max_length = 20, default = "ACTIVE")]
    pub status: String,
}

#[aggregate_impl]
impl Account {
    pub fn open(command: OpenAccount) -> Result<Self> {
        let OpenAccount { account_number, holder_name, opening_deposit } = command;
        let mut account = Self::create();
        let account_id = account.id();
        let opened = AccountOpened { account_id, account_number, holder_name, opening_deposit };
        account.raise(opened)?;
        Ok(account)
    }

    pub fn deposit(&mut self, amount: Decimal, reference: Option<String>) -> Result {
        ensure!(amount > 0, "amount" => "Deposit amount must be positive");
        self.raise(DepositMade { account_id: self.id(), amount, reference })
    }

    pub fn withdraw(&mut self, amount: Decimal, reference: Option<String>) -> Result {
        ensure!(amount > 0, "amount" => "Withdrawal amount must be positive");
        self.raise(WithdrawalMade { account_id: self.id(), amount, reference })
    }

    #[invariant(post, "balance" => "Insufficient funds: balance cannot be negative")]
    fn balance_is_not_negative(&self) -> bool {
        self.balance >= 0
    }

    #[apply]
    fn on_account_opened(&mut self, event: &AccountOpened) {
        self.account_number.clone_from(&event.account_number);
        self.holder_name.clone_from(&event.holder_name);
        self.balance = event.opening_deposit;
    }

    #[apply]
    fn on_deposit_made(&mut self, event: &DepositMade) {
        self.balance += event.amount;
    }

    #[apply]
    fn on_withdrawal_made(&mut self, event: &WithdrawalMade) {
        self.balance -= event.amount;
    }
}

/// Handles the commands of accounts.
pub struct AccountCommandHandler;

#[command_handler(part_of = Account)]
impl AccountCommandHandler {
    #[handle]
    async fn open_account(&self, command: OpenAccount, ctx: &Context) -> Result<Id> {
        let account = Account::open(command)?;
        let id = account.id();
        ctx.repository::<Account>().add(account).await?;
        Ok(id)
    }

    #[handle]
    async fn make_deposit(&self, command: MakeDeposit, ctx: &Context) -> Result {
        let mut account = ctx.repository::<Account>().get(&command.account_id).await?;
        account.deposit(command.amount, command.reference)?;
        ctx.repository::<Account>().add(account).await
    }

    #[handle]
    async fn make_withdrawal(&self, command: MakeWithdrawal, ctx: &Context) -> Result {
        let mut account = ctx.repository::<Account>().get(&command.account_id).await?;
        account.withdraw(command.amount, command.reference)?;
        ctx.repository::<Account>().add(account).await
    }
}
