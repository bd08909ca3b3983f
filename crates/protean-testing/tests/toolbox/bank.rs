//! A bank: event-sourced accounts, state-stored customers, a projection, and a
//! handler that reacts.

use protean::prelude::{Context, Decimal, Failure, Handled, Id, Result, Root, Timestamp};
use protean::{
    DomainBuilder, aggregate, aggregate_impl, command, command_handler, ensure, event,
    event_handler, projection, projector, subscriber,
};

#[event(part_of = Account)]
pub(crate) struct AccountOpened {
    pub(crate) account_id: Id,
    pub(crate) at: Option<Timestamp>,
}

#[event(part_of = Account)]
pub(crate) struct DepositMade {
    pub(crate) account_id: Id,
    pub(crate) amount: Decimal,
}

/// Nobody applies it.
#[event(part_of = Account)]
pub(crate) struct AccountForgotten {
    pub(crate) account_id: Id,
}

#[command(part_of = Account, returns = Id)]
pub(crate) struct OpenAccount {}

#[command(part_of = Account)]
pub(crate) struct MakeDeposit {
    #[field(identifier)]
    pub(crate) account_id: Id,
    pub(crate) amount: Decimal,
}

#[aggregate(event_sourced)]
pub(crate) struct Account {
    root: Root<Account>,
    pub(crate) balance: Decimal,
    #[field(default = false)]
    pub(crate) open: bool,
}

#[aggregate_impl]
impl Account {
    pub(crate) fn open(at: Option<Timestamp>) -> Result<Self> {
        let mut account = Self::create();
        account.raise(AccountOpened { account_id: account.id(), at })?;
        Ok(account)
    }

    pub(crate) fn deposit(&mut self, amount: impl Into<Decimal>) -> Result {
        let amount = amount.into();
        ensure!(amount != 0, "amount" => "must not be nothing");
        self.raise(DepositMade { account_id: self.id(), amount })
    }

    #[invariant(post, "balance" => "cannot be negative")]
    fn balance_is_not_negative(&self) -> bool {
        self.balance >= 0
    }

    #[apply]
    fn on_opened(&mut self, _: &AccountOpened) {
        self.open = true;
    }

    #[apply]
    fn on_deposit_made(&mut self, event: &DepositMade) {
        self.balance += event.amount;
    }
}

#[event(part_of = Customer)]
pub(crate) struct CustomerRenamed {
    pub(crate) customer_id: Id,
    pub(crate) name: String,
}

#[command(part_of = Customer)]
pub(crate) struct ThankCustomer {
    pub(crate) account_id: Id,
}

#[aggregate]
pub(crate) struct Customer {
    root: Root<Customer>,
    #[field(max_length = 10)]
    pub(crate) name: String,
    pub(crate) closed: bool,
}

#[aggregate_impl]
impl Customer {
    pub(crate) fn new(name: &str) -> Result<Self> {
        let mut customer = Self { root: Root::new(), name: String::new(), closed: false };
        customer.rename(name)?;
        Ok(customer)
    }

    pub(crate) fn rename(&mut self, name: &str) -> Result {
        self.name = name.to_owned();
        self.raise(CustomerRenamed { customer_id: self.id(), name: name.to_owned() })
    }

    #[invariant(pre, "closed" => "has left the bank")]
    fn is_with_us(&self) -> bool {
        !self.closed
    }
}

pub(crate) struct AccountCommandHandler;

#[command_handler(part_of = Account)]
impl AccountCommandHandler {
    #[handle]
    async fn open(&self, _: OpenAccount, ctx: &Context) -> Result<Id> {
        let account = Account::open(Some(ctx.now()))?;
        let id = account.id();
        ctx.repository::<Account>().add(account).await?;
        Ok(id)
    }

    #[handle]
    async fn deposit(&self, command: MakeDeposit, ctx: &Context) -> Result {
        let accounts = ctx.repository::<Account>();
        let mut account = accounts.get(&command.account_id).await?;
        account.deposit(command.amount)?;
        accounts.add(account).await
    }
}

#[projection]
pub(crate) struct Balance {
    #[field(identifier)]
    pub(crate) account_id: Id,
    pub(crate) total: Decimal,
    pub(crate) deposits: u64,
}

pub(crate) struct Balances;

#[projector(projection = Balance)]
impl Balances {
    #[on]
    async fn deposited(&self, event: DepositMade, ctx: &Context) -> Result {
        let rows = ctx.repository::<Balance>();
        let DepositMade { account_id, amount } = event;
        let none = Balance { account_id: account_id.clone(), total: 0.into(), deposits: 0 };
        let row = rows.find(&account_id).await?.unwrap_or(none);
        let (total, deposits) = (row.total + amount, row.deposits + 1);
        rows.add(Balance { account_id, total, deposits }).await
    }
}

/// Thanks for what is much, and does not know what to do with too much.
pub(crate) struct Clerk;

#[event_handler(part_of = Account)]
impl Clerk {
    #[handle]
    async fn deposited(&self, event: DepositMade, ctx: &Context) -> Handled {
        if event.amount > 1_000_000 {
            return Err(Failure::rejected("nobody has so much"));
        }
        if event.amount > 1_000 {
            ctx.process(ThankCustomer { account_id: event.account_id })?;
        }
        Ok(())
    }
}

/// Takes what another bank transfers.
pub(crate) struct Transfers;

#[subscriber(stream = "transfers")]
impl Transfers {
    #[handle]
    async fn transferred(&self, transfer: (Id, Decimal), ctx: &Context) -> Handled {
        let (account_id, amount) = transfer;
        ctx.process(MakeDeposit { account_id, amount })?;
        Ok(())
    }
}

/// On a file, and by a server: what a test must not do.
const SETTINGS: &str = "
    command_processing = \"async\"
    event_processing = \"async\"
    [databases.default]
    provider = \"sqlite\"
    database_uri = \"sqlite:/nowhere/at/all/bank.db\"
";

pub(crate) fn bank() -> DomainBuilder {
    protean::domain("bank")
        .config(SETTINGS)
        .aggregate::<Account>()
        .aggregate::<Customer>()
        .register(AccountCommandHandler)
        .register(Balances)
        .register(Clerk)
        .register(Transfers)
}
