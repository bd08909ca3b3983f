//! Command handlers, event handlers, projectors.

use std::time::Duration;

use protean::prelude::{Context, Decimal, Handled};
use protean::{DomainBuilder, Error, Id, Result, external_event, subscriber};
use protean_testing::{Reaction, TestDomain};

use crate::bank::{
    Account, AccountOpened, Balance, CustomerRenamed, DepositMade, MakeDeposit, OpenAccount,
    ThankCustomer, bank,
};
use crate::failure::fails;

fn id() -> Id {
    Id::from("7")
}

fn opened() -> AccountOpened {
    AccountOpened { account_id: id(), at: None }
}

fn deposit(amount: i64) -> DepositMade {
    DepositMade { account_id: id(), amount: amount.into() }
}

fn pay_in(amount: i64) -> MakeDeposit {
    MakeDeposit { account_id: id(), amount: amount.into() }
}

fn row(total: i64, deposits: u64) -> Balance {
    Balance { account_id: id(), total: total.into(), deposits }
}

/// A bank with an account that nothing was paid into.
fn opened_bank() -> TestDomain {
    let bank = TestDomain::new(bank());
    bank.given_events::<Account>("7", [opened()]);
    bank
}

#[test]
fn a_command_has_events_rows_and_a_state() {
    let bank = opened_bank();
    bank.given(pay_in(2))
        .when(pay_in(3))
        .then([deposit(3)])
        .then_named(["DepositMade"])
        .then_row(row(5, 2))
        .then_state::<Account>("7", |account| assert!(account.balance == 5))
        .then_commands(());
    bank.when(pay_in(1)).then([deposit(1)]).then_row(row(6, 3));
}

#[test]
fn an_event_reaches_projectors_and_handlers() {
    let bank = opened_bank();
    bank.when_event("7", deposit(2_000))
        .then_row(row(2_000, 1))
        .then_commands([ThankCustomer { account_id: id() }])
        .then_nothing();
    bank.when_event("7", deposit(1)).then_commands(()).then_row(row(2_001, 2));
}

#[test]
fn what_other_systems_send_reaches_subscribers() {
    let bank = opened_bank();
    bank.when_received("transfers", r#"["7", "2.5"]"#)
        .then_commands([MakeDeposit { account_id: id(), amount: "2.5".parse().unwrap() }])
        .then_named(["DepositMade"]);
    bank.when_received("transfers", r#"["7"]"#)
        .then_error(|error| assert!(error.committed(), "{error}"))
        .then_nothing();
    for (stream, payload, why) in
        [("transfer", "1", "did you mean 'transfers'?"), ("transfers", "{", "must be JSON")]
    {
        bank.when_received(stream, payload)
            .then_error(|error| assert!(error.to_string().contains(why), "{error}"));
    }
}

#[external_event(name = "Office.TransferOrdered", version = 2)]
struct TransferOrdered {
    account: Id,
    #[field(max_value = 100)]
    amount: Decimal,
}

struct Transfers;

#[subscriber(stream = "office::transfer")]
impl Transfers {
    #[on]
    async fn ordered(&self, event: TransferOrdered, ctx: &Context) -> Handled {
        ctx.process(MakeDeposit { account_id: event.account, amount: event.amount })?;
        Ok(())
    }
}

#[test]
fn events_of_another_domain_reach_subscribers() {
    let bank = TestDomain::new(bank().register(Transfers));
    bank.given_events::<Account>("7", [opened()]);
    let ordered = |amount: i64| TransferOrdered { account: id(), amount: amount.into() };
    bank.when_published("office::transfer", ordered(3)).then_commands([pay_in(3)]);
    bank.when_published("office::transfer", ordered(101))
        .then_error(|error| assert!(format!("{error:#}").contains("at most 100"), "{error:#}"));
}

#[test]
fn events_of_an_aggregate_without_an_instance_are_possible() {
    let bank = TestDomain::new(bank());
    let renamed = |name: &str| CustomerRenamed { customer_id: id(), name: name.to_owned() };
    bank.given_events("9", [renamed("Ada")]).when_event("9", renamed("Grace")).then_nothing();
}

#[test]
fn identities_and_times_are_known_beforehand() {
    let bank = TestDomain::new(bank());
    bank.clock().advance(Duration::from_secs(60));
    let at = Some("2026-01-01T00:01:00Z".parse().unwrap());
    // The command itself is the first.
    let account_id = Id::numbered(2);
    let opened = bank.when(OpenAccount {});
    let answer = opened.then([AccountOpened { account_id: account_id.clone(), at }]).answer();
    assert_eq!(answer, account_id);
}

#[test]
fn looking_takes_no_identity() {
    let opened = |looks: usize| {
        let bank = TestDomain::new(bank());
        for _ in 0..looks {
            bank.when(pay_in(1)).then_error(|error| assert!(error.is_not_found()));
        }
        bank.when(OpenAccount {}).answer()
    };
    assert_eq!([opened(0), opened(1)], [Id::numbered(2), Id::numbered(3)]);
}

#[test]
fn a_refused_command_leaves_nothing() {
    let bank = opened_bank();
    bank.when(pay_in(-1)).then_rejected("balance").then_nothing().then_no_row::<Balance>("7");
}

#[test]
fn a_handler_that_fails_after_the_commit_is_told() {
    let text = |error: &Error| assert!(error.committed());
    let too_much = || pay_in(1_000_001);
    opened_bank().when(too_much()).then_error(text).then([deposit(1_000_001)]);
    let bank = opened_bank();
    let why = ["Clerk failed", "nobody has so much"];
    fails(|| bank.when(too_much()).then_nothing(), &why);
    let bank = opened_bank();
    fails(|| bank.given(too_much()).clock().clone(), &why);
}

#[test]
fn other_events_fail_the_test_where_it_stands() {
    let bank = opened_bank();
    let paid = || bank.when(pay_in(3));
    fails(
        || paid().then([deposit(4)]),
        &[
            "other events followed (- expected, + found)",
            "  - DepositMade {\"account_id\":\"7\",\"amount\":4}",
            "  + DepositMade {\"account_id\":\"7\",\"amount\":3}",
        ],
    );
    fails(|| paid().then_named(["Deposit"]), &["  - Deposit\n  + DepositMade"]);
    fails(|| paid().then_nothing(), &["other events followed", "  + DepositMade"]);
}

#[test]
fn other_commands_fail_the_test_where_they_stand() {
    let bank = opened_bank();
    let thanked = || bank.when_event("7", deposit(2_000));
    let other = ThankCustomer { account_id: "8".into() };
    fails(|| thanked().then_commands([other]), &["other commands", "- Thank", "+ Thank"]);
    fails(|| thanked().then_commands(()), &["  + ThankCustomer"]);
}

#[test]
fn other_rows_fail_the_test_where_they_stand() {
    let bank = opened_bank();
    let paid = || bank.when(pay_in(3));
    fails(
        || paid().then_row(row(4, 1)),
        &[
            "the row differs (- expected, + found)",
            "  -         4,",
            "  +         3,",
            "        deposits: 1",
        ],
    );
    let missing = Balance { account_id: "8".into(), ..row(1, 1) };
    fails(|| paid().then_row(missing), &["Balance '8' does not exist"]);
    fails(|| paid().then_no_row::<Balance>("7"), &["expected no row, found", "total"]);
    fails(|| paid().then_state::<Account>("8", |_| ()), &["Account '8' does not exist"]);
}

#[test]
fn a_failure_that_does_not_come_fails_the_test() {
    let bank = opened_bank();
    fails(|| bank.when(pay_in(1)).then_rejected("amount"), &["expected a failure", "DepositMade"]);
    fails(|| bank.when(pay_in(1)).then_error(|_| ()), &["expected a failure", "DepositMade"]);
    let refused = || bank.when(pay_in(0));
    fails(|| refused().then_rejected("balance"), &["'balance'", "amount: must not be nothing"]);
    fails(|| refused().answer(), &["the command failed: amount"]);
}

#[test]
fn a_domain_that_cannot_be_built_tells_every_fault() {
    let broken = || -> DomainBuilder { bank().config("server.treshold = 1\nserver.lanez = 2") };
    fails(|| TestDomain::new(broken()), &["cannot be built", "treshold", "lanez"]);
}

#[test]
fn what_else_there_is_runs_on_the_domain() -> Result {
    let bank = opened_bank();
    let rows = bank.run(bank.domain().repository::<Balance>())?;
    assert_eq!(bank.run(rows.query().count())?, 0);
    let _: Reaction<'_, ()> = bank.when(pay_in(1)).then_row(row(1, 1));
    assert_eq!(bank.run(rows.query().count())?, 1);
    Ok(())
}
