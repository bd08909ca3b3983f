//! Commands at the counter, and the summary that follows.

use fidelis::account::{
    Account, AccountOpened, DepositMade, MakeDeposit, MakeWithdrawal, OpenAccount, WithdrawalMade,
};
use fidelis::summary::AccountSummary;
use protean::{Decimal, Id};
use protean_testing::TestDomain;

fn id() -> Id {
    Id::from("7")
}

fn opened() -> AccountOpened {
    AccountOpened {
        account_id: id(),
        account_number: "ACC-7".into(),
        holder_name: "Ada Lovelace".into(),
        opening_deposit: 50.into(),
    }
}

fn summary(balance: i64, deposits: u64, withdrawals: u64) -> AccountSummary {
    AccountSummary {
        account_id: id(),
        account_number: "ACC-7".into(),
        holder_name: "Ada Lovelace".into(),
        balance: balance.into(),
        deposits,
        withdrawals,
    }
}

/// A bank with one account, which has 50.
fn counter() -> TestDomain {
    let counter = TestDomain::new(fidelis::domain());
    counter.given_events::<Account>("7", [opened()]);
    counter
}

fn deposit(amount: impl Into<Decimal>) -> MakeDeposit {
    MakeDeposit { account_id: id(), amount: amount.into(), reference: None }
}

fn withdrawal(amount: i64) -> MakeWithdrawal {
    MakeWithdrawal { account_id: id(), amount: amount.into(), reference: None }
}

#[test]
fn an_account_is_opened_and_answers_with_its_identity() {
    let counter = TestDomain::new(fidelis::domain());
    let AccountOpened { account_number, holder_name, opening_deposit, .. } = opened();
    // The command is the first.
    let account_id = Id::numbered(2);
    let answer = counter
        .when(OpenAccount { account_number, holder_name, opening_deposit })
        .then([AccountOpened { account_id: account_id.clone(), ..opened() }])
        .then_row(AccountSummary { account_id: account_id.clone(), ..summary(50, 0, 0) })
        .answer();
    assert_eq!(answer, account_id);
}

#[test]
fn money_comes_and_goes() {
    let counter = counter();
    counter
        .when(deposit(25))
        .then([DepositMade { account_id: id(), amount: 25.into(), reference: None }])
        .then_row(summary(75, 1, 0));
    counter
        .given(deposit(5))
        .when(withdrawal(80))
        .then([WithdrawalMade { account_id: id(), amount: 80.into(), reference: None }])
        .then_row(summary(0, 2, 1))
        .then_state::<Account>("7", |account| assert!(account.balance == 0));
}

#[test]
fn what_is_refused_leaves_the_summary_alone() {
    counter().when(withdrawal(51)).then_rejected("balance").then_row(summary(50, 0, 0));
    counter().when(deposit(0)).then_rejected("amount").then_nothing();
    let counter = TestDomain::new(fidelis::domain());
    counter.when(deposit(1)).then_error(|error| assert!(error.is_not_found()));
}

#[test]
fn a_summary_follows_the_events_alone() {
    counter()
        .when_event("7", WithdrawalMade { account_id: id(), amount: 20.into(), reference: None })
        .then_row(summary(30, 0, 1));
}
