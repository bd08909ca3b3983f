use std::collections::BTreeMap;

use protean::{Decimal, Id, Root, Timestamp, aggregate, aggregate_impl, command, event, value_object};

#[value_object]
struct Amount(Decimal);

#[aggregate]
struct Account {
    root: Root<Account>,
    #[field(created_at)]
    opened: Option<Amount>,
    #[field(validate = is_iban)]
    number: String,
}

fn is_iban(number: &u32) -> Result<(), String> {
    Err(format!("{number}"))
}

#[aggregate_impl]
impl Account {}

#[command(part_of = Account)]
struct OpenAccount {
    #[field(identifier)]
    amount: Amount,
    at: Timestamp,
    by: Option<Id>,
}

#[event(part_of = Account)]
struct RatesChanged {
    rates: BTreeMap<u32, Decimal>,
}

fn main() {
    let share = Decimal::from(10) / Decimal::from(3);
}
