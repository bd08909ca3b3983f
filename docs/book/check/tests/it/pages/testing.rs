use std::time::Duration;

use fidelis::account::{
    Account, AccountOpened, DepositMade, MakeDeposit, OpenAccount, WithdrawalMade,
};
use fidelis::summary::AccountSummary;
use protean_testing::{TestDomain, given};

fn opened(opening_deposit: i64) -> AccountOpened {
    AccountOpened {
        account_id: "7".into(),
        account_number: "ACC-7".into(),
        holder_name: "Ada".into(),
        opening_deposit: opening_deposit.into(),
    }
}

fn deposited(amount: i64) -> DepositMade {
    DepositMade { account_id: "7".into(), amount: amount.into(), reference: None }
}

fn open(holder_name: &str) -> OpenAccount {
    OpenAccount {
        account_number: "ACC-7".into(),
        holder_name: holder_name.into(),
        opening_deposit: 100.into(),
    }
}

#[test]
fn a_withdrawal_takes_money_out() {
    given::<Account>("7", (opened(50), deposited(30)))
        .when(|account| account.withdraw(20.into(), None))
        .then([WithdrawalMade { account_id: "7".into(), amount: 20.into(), reference: None }])
        .then_state(|account| assert!(account.balance == 60));
}

#[test]
fn an_account_is_not_overdrawn() {
    given::<Account>("7", (opened(50), deposited(30)))
        .when(|account| account.withdraw(81.into(), None))
        .then_rejected("balance");
}

#[test]
fn a_deposit_is_in_the_summary() {
    let bank = TestDomain::new(fidelis::domain());
    let opened = bank.when(open("Ada")).answer();
    bank.when(MakeDeposit { account_id: opened.clone(), amount: 50.into(), reference: None })
        .then_state(opened.clone(), |account: &Account| assert!(account.balance == 150));
    bank.given(MakeDeposit { account_id: opened.clone(), amount: 1.into(), reference: None });
    let summaries =
        async { bank.domain().repository::<AccountSummary>().await?.get(&opened).await };
    assert_eq!(bank.run(summaries).unwrap().deposits, 2);
}

#[test]
fn nothing_is_due_after_a_year_without_timers() {
    let bank = TestDomain::new(fidelis::domain());
    let before = bank.domain().clock().now();
    bank.advance(Duration::from_secs(365 * 24 * 3600));
    assert_eq!(bank.domain().clock().now().since(before), Duration::from_secs(365 * 24 * 3600));
}
