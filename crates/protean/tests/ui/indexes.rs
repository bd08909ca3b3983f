use protean::{Id, Root, aggregate, aggregate_impl, command, projection, value_object};

#[value_object]
struct Address {
    #[field(index)]
    street: String,
}

#[projection(index(shelf, titel), unique(shelf), index(), index(tags), index(shelf down), index = shelf)]
struct Book {
    #[field(identifier)]
    book_id: Id,
    shelf: String,
    title: String,
    #[field(index)]
    tags: Vec<String>,
    #[field(index)]
    prices: std::collections::BTreeMap<String, i64>,
}

#[aggregate(event_sourced, index(owner))]
struct Account {
    root: Root<Account>,
    #[field(index)]
    owner: String,
}

#[aggregate_impl]
impl Account {}

#[command(part_of = Account)]
struct OpenAccount {
    #[field(index)]
    account_id: Id,
}

fn main() {}
