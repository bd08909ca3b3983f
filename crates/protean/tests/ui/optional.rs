use protean::{Decimal, Id, Json, Root, aggregate, aggregate_impl, event, value_object};

#[value_object]
struct Extras {
    note: Option<String>,
    discount: Option<Decimal>,
}

#[aggregate]
struct Order {
    root: Root<Order>,
    extras: Option<Extras>,
}

#[aggregate_impl]
impl Order {}

#[event(part_of = Order)]
struct Rated {
    order_id: Id,
    stars: Option<Option<u8>>,
    more: Option<Json>,
}

fn main() {}
