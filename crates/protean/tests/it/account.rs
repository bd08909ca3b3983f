//! An event-sourced aggregate.

use protean::Root;
use protean::model::{Aggregate, Command, Data, Replay};

use crate::bank::{Account, MakeDeposit, OpenAccount};

fn raised(account: &Account) -> Vec<&'static str> {
    account.root().raised().iter().map(|raised| raised.name).collect()
}

#[test]
fn an_event_changes_the_state_and_is_recorded() {
    let mut account = Account::open("Ada").unwrap();
    account.deposit(50.into(), Some("gift".into())).unwrap();
    assert!(account.balance == 50);
    assert_eq!(account.status, "ACTIVE");
    assert_eq!(raised(&account), ["AccountOpened", "MoneyPaidIn"]);
}

#[test]
fn a_broken_invariant_bars_the_aggregate() {
    let mut account = Account::open("Ada").unwrap();
    let error = account.withdraw(1.into()).unwrap_err();
    let text = "balance: Insufficient funds: balance cannot be negative";
    assert_eq!(error.to_string(), text);
    assert_eq!(raised(&account), ["AccountOpened"]);
    assert_eq!(account.deposit(5.into(), None).unwrap_err().to_string(), text);
}

#[test]
fn an_invariant_may_say_itself_what_is_wrong() {
    let mut account = Account::open("Ada").unwrap();
    let error = account.deposit(85_001.into(), None).unwrap_err();
    assert_eq!(error.to_string(), "balance: 85001 is not insured");
}

#[test]
fn a_precondition_refuses_the_event() {
    let mut account = Account::open("Ada").unwrap();
    account.freeze();
    let error = account.deposit(5.into(), None).unwrap_err();
    assert_eq!(error.to_string(), "status: the account is frozen");
    assert!(account.balance == 0);
}

#[test]
fn fields_are_checked_after_each_event() {
    let error = Account::open(&"x".repeat(101)).unwrap_err();
    let text = "must have at most 100 characters, has 101";
    assert_eq!(error.violations().unwrap().get("holder_name"), [text]);
}

#[test]
fn replays_without_checking() {
    let mut account = Account::blank(Root::with_id("7"));
    let data = r#"{"account_id": "7", "amount": 9.5}"#;
    assert!(account.replay("WithdrawalMade", Data::strict(data)).unwrap());
    assert_eq!(account.balance.to_string(), "-9.5");
    assert!(!account.replay("AccountClosed", Data::strict("{}")).unwrap());
    let error = account.replay("MoneyPaidIn", Data::strict("{}")).unwrap_err();
    assert_eq!(error.to_string(), "the data of MoneyPaidIn does not fit its type");
}

#[test]
fn lists_its_commands_and_events() {
    assert_eq!(Account::COMMANDS, [OpenAccount::NAME, MakeDeposit::NAME]);
    let events: Vec<_> = Account::EVENTS.iter().map(|event| (event.name, event.version)).collect();
    assert_eq!(events, [("AccountOpened", 2), ("MoneyPaidIn", 1), ("WithdrawalMade", 1)]);
    assert_eq!(Account::HOLDER_NAME.rules.max_length, Some(100));
    assert_eq!(Account::create_with("7").id().as_str(), "7");
}
