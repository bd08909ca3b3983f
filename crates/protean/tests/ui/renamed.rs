use protean::{Id, Root, aggregate, aggregate_impl, command, entity, event, projection, query};

#[aggregate(event_sourced)]
struct Account {
    root: Root<Account>,
    #[field(renamed_from = "number")]
    iban: String,
}

#[aggregate_impl]
impl Account {}

#[event(part_of = Account)]
struct AccountOpened {
    #[field(renamed_from = "number")]
    account_id: Id,
}

#[command(part_of = Account)]
struct OpenAccount {
    #[field(renamed_from("number", "name"))]
    account_id: Id,
}

#[query(returns = u64)]
struct CountAccounts {
    #[field(renamed_from = "number")]
    iban: String,
}

#[entity]
struct Card {
    #[field(identifier, renamed_from = "number")]
    card_id: Id,
}

#[projection]
struct Summary {
    #[field(identifier, renamed_from)]
    account_id: Id,
    #[field(renamed_from = "iban")]
    iban: String,
    #[field(renamed_from())]
    name: String,
    #[field(renamed_from = 7)]
    age: i64,
}

fn main() {}
