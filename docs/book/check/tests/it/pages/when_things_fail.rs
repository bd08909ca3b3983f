use protean::prelude::*;
use protean::{aggregate, aggregate_impl, command, command_handler};

#[command(part_of = Account)]
#[derive(Clone)]
struct MakeDeposit {
    #[field(identifier)]
    account_id: Id,
    amount: Decimal,
}

#[aggregate(commands(MakeDeposit))]
struct Account {
    root: Root<Account>,
    balance: Decimal,
}

#[aggregate_impl]
impl Account {}

struct Accounts;

#[command_handler(part_of = Account)]
impl Accounts {
    #[handle]
    async fn deposit(&self, command: MakeDeposit, ctx: &Context) -> Handled {
        let accounts = ctx.repository::<Account>();
        let found = accounts.find(&command.account_id).await?;
        let new = || Account { root: Root::with_id(command.account_id.clone()), balance: 0.into() };
        let mut account = found.unwrap_or_else(new);
        account.balance += command.amount;
        Ok(accounts.add(account).await?)
    }
}

#[tokio::test]
async fn a_command_that_is_sent_twice_applies_once() -> Result<(), Box<dyn std::error::Error>> {
    let domain = protean::domain("bank").aggregate::<Account>().register(Accounts);
    let domain = domain.in_memory().build()?;
    for _ in 0..2 {
        let deposit = MakeDeposit { account_id: "1".into(), amount: 10.into() };
        let deposit = domain.process(deposit).idempotency_key("transfer-4711");
        deposit.synchronous().await?;
    }
    let accounts = domain.repository::<Account>().await?;
    assert_eq!(accounts.get(&"1".into()).await?.balance, 10);
    Ok(())
}
