use protean::{Id, Root, aggregate, aggregate_impl, event};

#[aggregate(event_sourced)]
struct Rootless {
    balance: i64,
}

#[aggregate]
struct Account {
    root: Root<Rootless>,
}

#[aggregate]
struct Order {
    root: Root<Order>,
    id: Id,
}

#[aggregate]
struct Silent {
    root: Root<Silent>,
}

#[aggregate(snapshot_version = 2)]
struct Pictured {
    root: Root<Pictured>,
}

#[aggregate_impl]
impl Pictured {}

#[event(part_of = Order)]
struct OrderSent {
    order_id: Id,
}

#[aggregate_impl]
impl Order {
    #[invariant(post)]
    fn is_known(&self) -> bool {
        true
    }

    #[invariant(after, "id" => "is unknown")]
    fn is_paid(&self) -> bool {
        true
    }

    #[apply]
    fn on_sent(&mut self, _event: OrderSent) {}
}

fn main() {}
