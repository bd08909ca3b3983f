use protean::prelude::*;
use protean::{Enricher, aggregate, aggregate_impl, command, command_handler};

#[command(part_of = Order)]
struct PlaceOrder {
    #[field(identifier)]
    order_id: Id,
}

#[aggregate(commands(PlaceOrder))]
struct Order {
    root: Root<Order>,
    tenant: String,
}

#[aggregate_impl]
impl Order {}

struct Orders;

#[command_handler(part_of = Order)]
impl Orders {
    #[handle]
    async fn place(&self, command: PlaceOrder, ctx: &Context) -> Handled {
        let tenant = ctx.metadata().get("tenant").unwrap_or("none").to_owned();
        let order = Order { root: Root::with_id(command.order_id), tenant };
        Ok(ctx.repository::<Order>().add(order).await?)
    }
}

fn current_tenant() -> &'static str {
    "from the enricher"
}

#[tokio::test]
async fn a_call_takes_precedence_over_an_enricher() -> Result<(), Box<dyn std::error::Error>> {
    let shop = protean::domain("shop")
        .register(Enricher::new(|message| {
            message.metadata.set("tenant", current_tenant());
        }))
        .aggregate::<Order>()
        .register(Orders)
        .config("command_processing = \"sync\"")
        .in_memory()
        .build()?;
    let order_id = Id::from("7");
    shop.process(PlaceOrder { order_id }).metadata("tenant", "acme").await?;
    shop.process(PlaceOrder { order_id: "8".into() }).await?;
    let orders = shop.repository::<Order>().await?;
    assert_eq!(orders.get(&"7".into()).await?.tenant, "acme");
    assert_eq!(orders.get(&"8".into()).await?.tenant, "from the enricher");
    Ok(())
}
