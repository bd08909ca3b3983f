use protean::{Decimal, Id, Root, aggregate, aggregate_impl, command, event, value_object};

#[aggregate(event_source)]
struct Account {
    root: Root<Account>,
    #[field(max_lenght = 20, unique = true)]
    number: String,
    #[field(max_length = 20)]
    balance: Decimal,
    #[field(min_value = 1)]
    holder: Option<String>,
    #[field(default = 0.12345678901234567890)]
    rate: Decimal,
}

#[aggregate_impl]
impl Account {}

#[event(partof = Account)]
struct DepositMade {
    #[field(unique)]
    account_id: Id,
}

#[command(part_of = Account, returns Id, version = 0, colour = "red")]
struct MakeDeposit {
    #[field(identifier)]
    amount: Decimal,
}

#[value_object]
enum Status {
    Active,
    Closed { reason: String },
}

#[event(part_of = Account)]
struct Generic<T> {
    value: T,
}

#[event(part_of = Account)]
struct AccountClosed;

fn main() {}
