//! The bank of the guide, as a user writes it.

use protean::prelude::{Decimal, Id, Result, Root};
use protean::{aggregate, aggregate_impl, command, ensure, event};

#[event(part_of = Account, version = 2)]
pub(crate) struct AccountOpened {
    pub(crate) account_id: Id,
    #[field(max_length = 100)]
    pub(crate) holder_name: String,
    #[field(default = "GBP")]
    pub(crate) currency: String,
}

#[event(part_of = Account, name = "MoneyPaidIn")]
pub(crate) struct DepositMade {
    pub(crate) account_id: Id,
    pub(crate) amount: Decimal,
    pub(crate) reference: Option<String>,
}

#[event(part_of = Account)]
pub(crate) struct WithdrawalMade {
    pub(crate) account_id: Id,
    pub(crate) amount: Decimal,
}

#[command(part_of = Account, returns = Id)]
pub(crate) struct OpenAccount {
    #[field(max_length = 20, min_length = 3)]
    pub(crate) account_number: String,
    #[field(max_length = 100, blank = false)]
    pub(crate) holder_name: String,
    #[field(min_value = 0, default = 9.99)]
    pub(crate) fee: Decimal,
    #[field(choices("private", "business"))]
    pub(crate) purpose: Option<String>,
}

#[command(part_of = Account)]
pub(crate) struct MakeDeposit {
    #[field(identifier)]
    pub(crate) account_id: Id,
    #[field(min_value = 0.01)]
    pub(crate) amount: Decimal,
    pub(crate) reference: Option<String>,
}

#[aggregate(event_sourced, commands(OpenAccount, MakeDeposit))]
pub(crate) struct Account {
    root: Root<Account>,
    #[field(max_length = 100)]
    pub(crate) holder_name: String,
    #[field(default = 0)]
    pub(crate) balance: Decimal,
    #[field(max_length = 20, default = "ACTIVE")]
    pub(crate) status: String,
}

#[aggregate_impl]
impl Account {
    pub(crate) fn open(holder_name: &str) -> Result<Self> {
        let mut account = Self::create();
        let (account_id, holder_name) = (account.id(), holder_name.to_owned());
        account.raise(AccountOpened { account_id, holder_name, currency: "GBP".into() })?;
        Ok(account)
    }

    pub(crate) fn deposit(&mut self, amount: Decimal, reference: Option<String>) -> Result {
        ensure!(amount > 0, "amount" => "Deposit amount must be positive");
        self.raise(DepositMade { account_id: self.id(), amount, reference })
    }

    pub(crate) fn withdraw(&mut self, amount: Decimal) -> Result {
        self.raise(WithdrawalMade { account_id: self.id(), amount })
    }

    pub(crate) fn freeze(&mut self) {
        self.status = "FROZEN".into();
    }

    #[invariant(pre, "status" => "the account is frozen")]
    fn is_not_frozen(&self) -> bool {
        self.status != "FROZEN"
    }

    #[invariant(post, "balance" => "Insufficient funds: balance cannot be negative")]
    fn balance_is_not_negative(&self) -> bool {
        self.balance >= 0
    }

    #[invariant(post)]
    fn balance_is_insured(&self) -> Result {
        ensure!(self.balance <= 85_000, "balance" => "{} is not insured", self.balance);
        Ok(())
    }

    #[apply]
    fn on_opened(&mut self, event: &AccountOpened) {
        self.holder_name.clone_from(&event.holder_name);
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
