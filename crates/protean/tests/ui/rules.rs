use protean::{
    Date, Decimal, Id, Root, Timestamp, aggregate, aggregate_impl, command, entity, entity_impl,
    event, value_object, value_object_impl,
};

#[value_object]
#[transitions(Draft => [Plced, Draft], Draft => [Placed], Sent => [])]
enum Status {
    Draft,
    Placed,
}

#[value_object]
#[transitions(Open, Closed)]
enum Door {
    Open,
    Closed,
}

#[value_object]
struct Sku(#[field(max_length = 20, default = "A", identifier)] String);

#[value_object]
struct Pair(String, String);

#[value_object]
struct Period {
    #[field(created_at)]
    start: Date,
    end: Date,
}

#[value_object_impl]
impl Period {
    #[invariant(pre, "end" => "must not be before the start")]
    fn ends_after_its_start(&self) -> bool {
        self.start <= self.end
    }

    #[invariant]
    fn is_short(&self) -> bool {
        true
    }
}

#[entity]
struct Line {
    id: Id,
    #[field(precision = 2, scale = 4)]
    price: Decimal,
    #[field(scale = 2)]
    quantity: u32,
    #[field(blank = true)]
    note: String,
}

#[entity_impl]
impl Line {}

#[aggregate(event_sourced)]
struct Account {
    root: Root<Account>,
    #[field(created_at)]
    opened: Timestamp,
    #[field(updated_at)]
    number: String,
}

#[aggregate_impl]
impl Account {
    #[invariant("number" => "must be given")]
    fn has_a_number(&self) -> bool {
        true
    }
}

#[event(part_of = Account)]
struct AccountOpened {
    #[field(updated_at)]
    at: Timestamp,
}

#[command(part_of = Account)]
struct OpenAccount {
    #[field(identifier)]
    door: u32,
}

fn main() {}
