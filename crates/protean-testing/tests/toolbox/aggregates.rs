//! Aggregates: pure and synchronous.

use protean::model::Aggregate;
use protean::{Decimal, Id};
use protean_testing::{given, given_state, when_new};

use crate::bank::{
    Account, AccountForgotten, AccountOpened, Customer, CustomerRenamed, DepositMade,
};
use crate::failure::fails;

fn opened() -> AccountOpened {
    AccountOpened { account_id: Id::from("7"), at: None }
}

fn deposit(amount: impl Into<Decimal>) -> DepositMade {
    DepositMade { account_id: Id::from("7"), amount: amount.into() }
}

fn customer() -> Customer {
    Customer::new("Ada").unwrap()
}

#[test]
fn a_history_may_have_one_type_several_or_none() {
    given::<Account>("7", ()).when(|account| account.deposit(1)).then([deposit(1)]);
    let several = given::<Account>("7", (opened(), deposit(2), deposit(3)));
    let state = |account: &Account| assert!(account.balance == 9 && account.open);
    several.when(|account| account.deposit(4)).then((deposit(4),)).then_state(state);
    let many: Vec<DepositMade> = (1..=10).map(deposit).collect();
    let many = given::<Account>("7", many).when(|account| account.deposit(1));
    many.then_state(|account| assert!(account.balance == 56));
}

#[test]
fn a_history_gives_the_version() {
    let at = |account: &Account| assert_eq!(account.root().version(), Some(1));
    given::<Account>("7", [deposit(1), deposit(1)]).when(|_| Ok(())).then_state(at);
}

#[test]
fn a_history_that_broke_a_rule_has_happened_all_the_same() {
    let overdrawn = given::<Account>("7", [deposit(-5)]);
    overdrawn.when(|account| account.deposit(3)).then_rejected("balance");
    given::<Account>("7", [deposit(-5)]).when(|account| account.deposit(5)).then([deposit(5)]);
}

#[test]
fn an_event_nobody_applies_is_no_history() {
    fails(
        || given::<Account>("7", [AccountForgotten { account_id: Id::from("7") }]),
        &["Account does not apply AccountForgotten"],
    );
}

#[test]
fn numbers_are_compared_and_not_how_they_are_written() {
    let expected = deposit("1.50".parse::<Decimal>().unwrap());
    let account = given::<Account>("7", ()).when(|account| account.deposit(Decimal::new(15, 1)));
    account.then([expected]);
}

#[test]
fn other_events_fail_the_test_where_it_stands() {
    fails(
        || {
            given::<Account>("7", [opened()])
                .when(|account| account.deposit(3))
                .then((opened(), deposit(4)));
        },
        &[
            "Account raised other events (- expected, + found)",
            "  - AccountOpened {\"account_id\":\"7\",\"at\":null}",
            "  - DepositMade {\"account_id\":\"7\",\"amount\":4}",
            "  + DepositMade {\"account_id\":\"7\",\"amount\":3}",
        ],
    );
}

#[test]
fn an_event_too_few_or_too_many_fails_the_test() {
    let twice = || {
        given::<Account>("7", ()).when(|account| {
            account.deposit(1)?;
            account.deposit(2)
        })
    };
    twice().then([deposit(1), deposit(2)]);
    fails(|| twice().then([deposit(1)]), &["    DepositMade", "  + DepositMade"]);
    fails(|| twice().then([deposit(2), deposit(1)]), &["  - ", "  + "]);
    fails(|| twice().then_nothing(), &["other events", "+ DepositMade"]);
    let idle = || given::<Account>("7", ()).when(|_| Ok(()));
    idle().then_nothing();
    fails(|| idle().then([deposit(1)]), &["- DepositMade", "(nothing was found)"]);
}

#[test]
fn a_refusal_names_its_field() {
    let refused = || given::<Account>("7", ()).when(|account| account.deposit(0));
    refused().then_rejected("amount").then_error(|error| assert!(error.is_invalid()));
    fails(
        || refused().then_rejected("balance"),
        &["expected 'balance' to be at fault", "amount: must not be nothing"],
    );
    fails(|| refused().then_nothing(), &["Account refused: amount: must not be nothing"]);
    fails(|| refused().then_state(|_| ()), &["Account refused"]);
}

#[test]
fn a_refusal_that_does_not_come_fails_the_test() {
    let done = || given::<Account>("7", ()).when(|account| account.deposit(1));
    let text = [
        "expected Account to refuse, but it raised",
        "DepositMade {\"account_id\":\"7\",\"amount\":1}",
    ];
    fails(|| done().then_rejected("amount"), &text);
    fails(|| done().then_error(|_| ()), &text);
}

#[test]
fn a_refusal_that_is_swallowed_is_none_the_less() {
    let swallowed = given::<Account>("7", ()).when(|account| {
        let _ = account.deposit(-1);
        Ok(())
    });
    swallowed.then_rejected("balance");
}

#[test]
fn a_new_aggregate_has_a_numbered_identity() {
    let account_id = Id::numbered(1);
    when_new(|| Account::open(None)).then([AccountOpened { account_id, at: None }]);
    when_new(|| Customer::new("x".repeat(11).as_str())).then_rejected("name");
}

#[test]
fn a_state_has_no_events_of_its_own() {
    let (customer, name) = (customer(), "Grace".to_owned());
    let renamed = CustomerRenamed { customer_id: customer.id(), name: name.clone() };
    given_state(customer)
        .when(|customer| customer.rename(&name))
        .then([renamed])
        .then_state(|customer| assert_eq!(customer.name, "Grace"));
}

#[test]
fn a_state_is_checked_when_it_would_be_kept() {
    let far_too_long = given_state(customer()).when(|customer| customer.rename("Ada Lovelace"));
    far_too_long.then_rejected("name");
}

#[test]
fn a_state_may_forbid_changes() {
    let mut gone = customer();
    gone.closed = true;
    given_state(gone).when(|customer| customer.rename("Grace")).then_rejected("closed");
}
