use std::time::Duration;

use protean::prelude::*;
use protean::{
    CommandOutcome, Receipt, aggregate, aggregate_impl, command, command_handler, event,
    projection, projector,
};

#[command(part_of = Order, returns = u64)]
struct PlaceOrder {
    #[field(identifier)]
    order_id: Id,
    total: u64,
}

#[event(part_of = Order)]
struct OrderPlaced {
    order_id: Id,
}

#[aggregate(commands(PlaceOrder))]
struct Order {
    root: Root<Order>,
}

#[aggregate_impl]
impl Order {}

struct Orders;

#[command_handler(part_of = Order)]
impl Orders {
    #[handle]
    async fn place(&self, command: PlaceOrder, ctx: &Context) -> Handled<u64> {
        if command.total == 0 {
            return Err(Failure::rejected("nothing is ordered"));
        }
        let mut order = Order { root: Root::with_id(command.order_id.clone()) };
        order.raise(OrderPlaced { order_id: command.order_id })?;
        ctx.repository::<Order>().add(order).await?;
        Ok(command.total)
    }
}

#[projection]
struct OrderRows {
    #[field(identifier)]
    order_id: Id,
}

struct OrderRowsProjector;

#[projector(projection = OrderRows)]
impl OrderRowsProjector {
    #[on]
    async fn placed(&self, event: OrderPlaced, ctx: &Context) -> Result {
        ctx.repository::<OrderRows>().add(OrderRows { order_id: event.order_id }).await
    }
}

/// What is sent waits for a server.
const SETTINGS: &str = "
[databases.default]
provider = \"memory\"

[server.health]
enabled = false
";

fn shop() -> Domain {
    let shop = protean::domain("shop").aggregate::<Order>().register(Orders);
    shop.register(OrderRowsProjector).config(SETTINGS).build().unwrap()
}

#[tokio::test]
async fn a_receipt_gives_the_outcome() -> Result<(), Box<dyn std::error::Error>> {
    let shop = shop();
    let (order_id, total) = (Id::from("7"), 3);
    let receipt = shop.process(PlaceOrder { order_id, total }).keep_outcome().receipt().await?;
    assert!(receipt.outcome_so_far().await?.is_none());
    let stop = async {
        while receipt.outcome_so_far().await.is_ok_and(|o| o.is_none()) {
            tokio::task::yield_now().await;
        }
    };
    protean::Server::new(shop.clone()).run(stop).await?;
    let shown = match receipt.outcome().await? {
        // What the handler returned.
        CommandOutcome::Handled(total) => format!("handled: {total}"),
        CommandOutcome::Rejected(reason) => format!("rejected: {reason}"),
        other => format!("{other:?}"),
    };
    assert_eq!(shown, "handled: 3");
    let same = Receipt::<PlaceOrder>::of(&shop, receipt.id()).await?;
    assert!(matches!(same.outcome().await?, CommandOutcome::Handled(3)));
    Ok(())
}

#[tokio::test]
async fn a_receipt_waits_for_a_projection() -> Result<(), Box<dyn std::error::Error>> {
    let shop = shop();
    let (order_id, total) = (Id::from("7"), 3);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stopped = async { drop(stopped.await) };
    let server = tokio::spawn(protean::Server::new(shop.clone()).run(stopped));
    let receipt = shop.process(PlaceOrder { order_id: order_id.clone(), total }).receipt().await?;
    receipt.caught_up::<OrderRows>().within(Duration::from_secs(20)).await?;
    let row = shop.repository::<OrderRows>().await?.get(&order_id).await?;
    assert_eq!(row.order_id, order_id);
    drop(stop);
    server.await??;
    Ok(())
}
