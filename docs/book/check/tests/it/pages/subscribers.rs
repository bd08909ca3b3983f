use protean::prelude::*;
use protean::{DomainBuilder, aggregate, aggregate_impl, command, command_handler, subscriber};
use protean_testing::TestDomain;
use serde::Deserialize;

#[command(part_of = Order)]
#[derive(PartialEq)]
struct PlaceOrder {
    #[field(identifier)]
    order_id: Id,
    email: String,
}

#[aggregate(commands(PlaceOrder))]
struct Order {
    root: Root<Order>,
    email: String,
}

#[aggregate_impl]
impl Order {}

struct Orders;

#[command_handler(part_of = Order)]
impl Orders {
    #[handle]
    async fn place(&self, command: PlaceOrder, ctx: &Context) -> Handled {
        let order = Order { root: Root::with_id(command.order_id), email: command.email };
        Ok(ctx.repository::<Order>().add(order).await?)
    }
}

#[derive(Deserialize)]
struct PartnerOrder {
    reference: String,
    email: String,
}

struct PartnerOrders;

#[subscriber(stream = "external-orders")]
impl PartnerOrders {
    #[handle]
    async fn ordered(&self, order: PartnerOrder, ctx: &Context) -> Handled {
        ctx.process(PlaceOrder { order_id: order.reference.into(), email: order.email })?;
        Ok(())
    }
}

fn shop() -> DomainBuilder {
    protean::domain("shop").aggregate::<Order>().register(Orders).register(PartnerOrders)
}

#[test]
fn an_entry_becomes_a_command() {
    TestDomain::new(shop())
        .when_received("external-orders", r#"{"reference": "17", "email": "ada@example.org"}"#)
        .then_commands([PlaceOrder { order_id: "17".into(), email: "ada@example.org".into() }]);
}
