use std::collections::HashMap;

use protean::{Id, Root, aggregate, aggregate_impl, event, projection};

#[aggregate]
struct Account {
    root: Root<Account>,
}

#[aggregate_impl]
impl Account {}

#[event(part_of = Account)]
struct AccountOpened {
    account_id: Id,
    notes: HashMap<String, String>,
}

#[projection]
struct Summary {
    total: i64,
}

fn main() {}
