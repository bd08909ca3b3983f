//! Process managers that cannot work.

use protean::prelude::*;
use protean::{aggregate, aggregate_impl, event, process_manager, process_manager_impl};

#[event(part_of = Order)]
struct OrderPlaced {
    order_id: Id,
    total: f64,
}

#[aggregate]
struct Order {
    root: Root<Order>,
}

#[aggregate_impl]
impl Order {}

#[process_manager]
struct WithoutRoot {
    status: String,
}

#[process_manager(named = "Other")]
struct Unnamed {
    root: Root<Unnamed>,
    #[field(identifier)]
    order: Id,
}

#[process_manager]
struct Fulfilment {
    root: Root<Fulfilment>,
}

#[process_manager_impl(ordering = "none")]
impl Fulfilment {
    #[on(start)]
    async fn without_field(&mut self, _event: OrderPlaced) -> Handled {
        Ok(())
    }

    #[on(start, late, by = order_id)]
    async fn of_both_kinds(&mut self, _event: OrderPlaced) -> Handled {
        Ok(())
    }

    #[on(by = order_id)]
    async fn shared(&self, _event: OrderPlaced) -> Handled {
        Ok(())
    }

    #[on(by = order_id)]
    async fn by_reference(&mut self, _event: &OrderPlaced) -> Handled {
        Ok(())
    }

    #[on(by = order_id)]
    async fn without_result(&mut self, _event: OrderPlaced) {}
}

#[process_manager]
struct Shipping {
    root: Root<Shipping>,
}

#[process_manager_impl]
impl Shipping {
    #[on(by = total)]
    async fn never_begins(&mut self, _event: OrderPlaced) -> Handled {
        Ok(())
    }
}

#[process_manager]
struct Billing {
    root: Root<Billing>,
}

#[process_manager_impl]
impl Billing {
    #[on(start, by = order)]
    async fn of_no_field(&mut self, _event: OrderPlaced) -> Handled {
        Ok(())
    }
}

#[process_manager]
struct Idle {
    root: Root<Idle>,
}

#[process_manager_impl]
impl Idle {}

fn main() {
    let _ = protean::domain("shop").register(protean::Manages::<Order>::new());
}
