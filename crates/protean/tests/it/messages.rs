//! Events and commands.

use protean::model::{Bound, Command, Event, Fields};
use protean::{Decimal, Id};

use crate::bank::{AccountOpened, DepositMade, MakeDeposit, OpenAccount};

fn invalid_opening() -> OpenAccount {
    OpenAccount {
        account_number: "12".into(),
        holder_name: "  ".into(),
        fee: Decimal::from(-1),
        purpose: Some("fun".into()),
    }
}

#[test]
fn an_event_has_the_name_and_version_given() {
    assert_eq!((AccountOpened::NAME, AccountOpened::VERSION), ("AccountOpened", 2));
    assert_eq!((DepositMade::NAME, DepositMade::VERSION), ("MoneyPaidIn", 1));
}

#[test]
fn tells_what_is_wrong_with_all_fields_at_once() {
    let violations = invalid_opening().check();
    let fields: Vec<&str> = violations.iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["account_number", "fee", "holder_name", "purpose"]);
    assert_eq!(violations.get("holder_name"), ["is required"]);
    assert_eq!(violations.get("fee"), ["must be at least 0, is -1"]);
}

#[test]
fn an_absent_option_breaks_no_rule() {
    let command = OpenAccount {
        account_number: "123".into(),
        holder_name: "Ada".into(),
        fee: Decimal::ZERO,
        purpose: None,
    };
    assert!(command.check().is_empty());
}

#[test]
fn json_without_a_field_gets_its_default() {
    let json = r#"{"account_number": "123", "holder_name": "Ada"}"#;
    let command: OpenAccount = serde_json::from_str(json).unwrap();
    assert_eq!(command.fee, Decimal::new(999, 2));
    assert_eq!(command.purpose, None);
    let json = r#"{"account_id": "1", "holder_name": "Ada"}"#;
    let event: AccountOpened = serde_json::from_str(json).unwrap();
    assert_eq!(event.currency, "GBP");
}

#[test]
fn the_identifier_names_the_instance() {
    let deposit =
        MakeDeposit { account_id: Id::from("7"), amount: Decimal::from(1), reference: None };
    assert_eq!(deposit.instance(), Some(Id::from("7")));
    assert_eq!(invalid_opening().instance(), None);
}

#[test]
fn limits_are_constants() {
    assert_eq!(OpenAccount::ACCOUNT_NUMBER.rules.max_length, Some(20));
    assert_eq!(OpenAccount::PURPOSE.rules.choices, ["private", "business"]);
    assert_eq!(MakeDeposit::AMOUNT.rules.min_value, Some(Bound::Real(0.01)));
}
