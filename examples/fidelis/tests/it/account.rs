//! What an account does and refuses.

use fidelis::account::{Account, AccountOpened, DepositMade, OpenAccount, WithdrawalMade};
use protean::{Decimal, Id};
use protean_testing::{Given, given, when_new};

fn id() -> Id {
    Id::from("7")
}

fn opened(opening_deposit: i64) -> AccountOpened {
    AccountOpened {
        account_id: id(),
        account_number: "ACC-7".into(),
        holder_name: "Ada Lovelace".into(),
        opening_deposit: opening_deposit.into(),
    }
}

fn deposited(amount: i64) -> DepositMade {
    DepositMade { account_id: id(), amount: amount.into(), reference: None }
}

fn withdrawn(amount: i64) -> WithdrawalMade {
    WithdrawalMade { account_id: id(), amount: amount.into(), reference: None }
}

/// An account with 30: 50 at the opening, 30 in, 50 out.
fn account() -> Given<Account> {
    given("7", (opened(50), deposited(30), withdrawn(50)))
}

fn opening(holder_name: &str, opening_deposit: i64) -> OpenAccount {
    let (account_number, holder_name) = ("ACC-7".into(), holder_name.to_owned());
    OpenAccount { account_number, holder_name, opening_deposit: opening_deposit.into() }
}

#[test]
fn a_new_account_has_its_opening_deposit() {
    when_new(|| Account::open(opening("Ada Lovelace", 50)))
        .then([AccountOpened { account_id: Id::numbered(1), ..opened(50) }])
        .then_state(|account| assert_eq!(account.status, "ACTIVE"));
}

#[test]
fn an_account_needs_a_holder_and_no_debts() {
    when_new(|| Account::open(opening("", 50))).then_rejected("holder_name");
    when_new(|| Account::open(opening("Ada", -1))).then_rejected("balance");
}

#[test]
fn a_deposit_and_a_withdrawal_change_the_balance() {
    account()
        .when(|account| {
            account.deposit(5.into(), None)?;
            account.withdraw(15.into(), None)
        })
        .then((deposited(5), withdrawn(15)))
        .then_state(|account| assert!(account.balance == 20));
}

#[test]
fn only_money_is_paid_in_and_out() {
    for nothing in [Decimal::ZERO, Decimal::from(-5)] {
        account().when(|account| account.deposit(nothing, None)).then_rejected("amount");
        account().when(|account| account.withdraw(nothing, None)).then_rejected("amount");
    }
}

#[test]
fn an_account_is_never_overdrawn() {
    account().when(|account| account.withdraw(30.into(), None)).then([withdrawn(30)]);
    account().when(|account| account.withdraw(31.into(), None)).then_rejected("balance");
}
