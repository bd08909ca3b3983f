use protean::{Id, projection, value_object};

#[value_object]
struct Address {
    street: String,
    city: String,
}

#[projection(index(address), index(address.zip))]
struct Order {
    #[field(identifier)]
    order_id: Id,
    address: Address,
    #[field(index)]
    billing: Option<Address>,
}

fn main() {}
