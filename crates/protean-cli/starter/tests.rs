//! What an account accepts and rejects, and what its summary shows.

use protean::{Decimal, Id};
use protean_testing::{TestDomain, given, when_new};

use {crate}::account::{
    Account, AccountOpened, DepositMade, MakeDeposit, OpenAccount, WithdrawalMade,
};
use {crate}::summary::AccountSummary;

fn id() -> Id {
    Id::from("7")
}

fn opened(balance: i64) -> AccountOpened {
    AccountOpened { account_id: id(), holder: "Ada".to_owned(), balance: balance.into() }
}

#[test]
fn a_deposit_adds_to_the_balance() {
    given::<Account>("7", [opened(50)])
        .when(|account| account.deposit(5.into()))
        .then([DepositMade { account_id: id(), amount: 5.into() }])
        .then_state(|account| assert!(account.balance == 55));
}

#[test]
fn a_deposit_must_be_positive() {
    for amount in [Decimal::ZERO, Decimal::from(-5)] {
        given::<Account>("7", [opened(50)])
            .when(|account| account.deposit(amount))
            .then_rejected("amount");
    }
}

#[test]
fn the_balance_never_becomes_negative() {
    given::<Account>("7", [opened(50)])
        .when(|account| account.withdraw(50.into()))
        .then([WithdrawalMade { account_id: id(), amount: 50.into() }]);
    given::<Account>("7", [opened(50)])
        .when(|account| account.withdraw(51.into()))
        .then_rejected("balance");
    when_new(|| Account::open("Ada".to_owned(), (-1).into())).then_rejected("balance");
}

#[test]
fn the_summary_follows_the_events() {
    let domain = TestDomain::new({crate}::domain());
    let open = OpenAccount { holder: "Ada".to_owned(), balance: 50.into() };
    let account_id = domain.when(open).answer();
    let deposit = MakeDeposit { account_id: account_id.clone(), amount: 5.into() };
    let (holder, balance) = ("Ada".to_owned(), 55.into());
    let summary = AccountSummary { account_id, holder, balance, movements: 1 };
    domain.when(deposit).then_row(summary);
}
