//! A bank account: two commands, their events, and one rule.
//!
//! You learn how a command becomes an event, how the event changes the aggregate, and how a rule
//! refuses a command. Everything is in memory and handled at once, so nothing has to be installed or
//! started. Read `02-state-stored` next: an aggregate without events, in a file that stays.
#![expect(clippy::print_stdout, reason = "the program shows what it does")]

use std::error::Error;

use protean::prelude::{Context, Decimal, Id, Result, Root};
use protean::{DomainBuilder, aggregate, aggregate_impl, command, command_handler, event};

/// Money was paid in.
#[event(part_of = Account)]
struct DepositMade {
    account_id: Id,
    amount: Decimal,
}

/// Money was paid out.
#[event(part_of = Account)]
struct WithdrawalMade {
    account_id: Id,
    amount: Decimal,
}

/// Pays money in; the first deposit opens the account.
#[command(part_of = Account)]
struct MakeDeposit {
    #[field(identifier)]
    account_id: Id,
    #[field(min_value = 0.01)]
    amount: Decimal,
}

/// Pays money out, and answers with what is left.
#[command(part_of = Account, returns = Decimal)]
struct MakeWithdrawal {
    #[field(identifier)]
    account_id: Id,
    #[field(min_value = 0.01)]
    amount: Decimal,
}

/// An account, whose state follows from its events.
#[aggregate(event_sourced, commands(MakeDeposit, MakeWithdrawal))]
struct Account {
    root: Root<Account>,
    #[field(default = 0)]
    balance: Decimal,
}

#[aggregate_impl]
impl Account {
    fn deposit(&mut self, amount: Decimal) -> Result {
        self.raise(DepositMade { account_id: self.id(), amount })
    }

    fn withdraw(&mut self, amount: Decimal) -> Result {
        self.raise(WithdrawalMade { account_id: self.id(), amount })
    }

    #[invariant(post, "balance" => "must not become negative")]
    fn balance_is_not_negative(&self) -> bool {
        self.balance >= 0
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

/// Loads an account, lets it decide, and stores it.
struct AccountCommandHandler;

#[command_handler(part_of = Account)]
impl AccountCommandHandler {
    #[handle]
    async fn deposit(&self, command: MakeDeposit, ctx: &Context) -> Result {
        let accounts = ctx.repository::<Account>();
        let found = accounts.find(&command.account_id).await?;
        let mut account = found.unwrap_or_else(|| Account::create_with(command.account_id));
        account.deposit(command.amount)?;
        accounts.add(account).await
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

fn bank() -> DomainBuilder {
    protean::domain("bank").aggregate::<Account>().register(AccountCommandHandler).in_memory()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let bank = bank().build()?;
    let ada = || Id::from("ada");
    bank.process(MakeDeposit { account_id: ada(), amount: 50.into() }).synchronous().await?;
    let withdraw = |amount| MakeWithdrawal { account_id: ada(), amount: Decimal::from(amount) };
    let balance = bank.process(withdraw(20)).synchronous().await?;
    println!("Ada takes 20 of her 50 and has {balance} left.");
    if let Err(refused) = bank.process(withdraw(31)).synchronous().await {
        println!("She cannot take 31: {refused}.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use protean::prelude::{Decimal, Domain};

    use super::{Account, MakeDeposit, MakeWithdrawal, bank};

    async fn bank_where_ada_has_50() -> Domain {
        let bank = bank().build().unwrap();
        let deposit = MakeDeposit { account_id: "ada".into(), amount: 50.into() };
        bank.process(deposit).synchronous().await.unwrap();
        bank
    }

    fn withdraw(amount: i64) -> MakeWithdrawal {
        MakeWithdrawal { account_id: "ada".into(), amount: amount.into() }
    }

    async fn balance(bank: &Domain) -> Decimal {
        bank.repository::<Account>().await.unwrap().get(&"ada".into()).await.unwrap().balance
    }

    #[tokio::test]
    async fn a_withdrawal_answers_with_what_is_left() {
        let bank = bank_where_ada_has_50().await;
        assert_eq!(bank.process(withdraw(20)).synchronous().await.unwrap(), 30);
        assert_eq!(balance(&bank).await, 30);
    }

    #[tokio::test]
    async fn a_balance_never_becomes_negative() {
        let bank = bank_where_ada_has_50().await;
        let refused = bank.process(withdraw(51)).synchronous().await.unwrap_err();
        assert_eq!(refused.to_string(), "balance: must not become negative");
        assert_eq!(balance(&bank).await, 50, "nothing was taken");
    }

    #[tokio::test]
    async fn a_field_out_of_its_limits_never_reaches_the_handler() {
        let bank = bank_where_ada_has_50().await;
        let refused = bank.process(withdraw(0)).synchronous().await.unwrap_err();
        assert_eq!(refused.violations().unwrap().get("amount").len(), 1);
    }
}
