use std::time::Duration;

use protean::prelude::*;
use protean::{
    Cancellation, Missed, Recurring, ScheduledMessages, aggregate, aggregate_impl, command,
    command_handler, event, event_handler,
};
use protean_testing::TestDomain;

#[command(part_of = Order)]
struct PlaceOrder {
    #[field(identifier)]
    order_id: Id,
}

#[command(part_of = Order)]
#[derive(PartialEq)]
struct SendReminder {
    #[field(identifier)]
    order_id: Id,
}

#[command(part_of = Order)]
struct CloseShop {}

#[command(part_of = Order)]
struct StockReport {}

#[event(part_of = Order)]
struct OrderPlaced {
    order_id: Id,
}

#[aggregate(commands(PlaceOrder, SendReminder, CloseShop, StockReport))]
struct Order {
    root: Root<Order>,
    is_reminded: bool,
}

#[aggregate_impl]
impl Order {}

struct Orders;

#[command_handler(part_of = Order)]
impl Orders {
    #[handle]
    async fn place(&self, command: PlaceOrder, ctx: &Context) -> Handled {
        let mut order = Order { root: Root::with_id(command.order_id.clone()), is_reminded: false };
        order.raise(OrderPlaced { order_id: command.order_id })?;
        Ok(ctx.repository::<Order>().add(order).await?)
    }

    #[handle]
    async fn remind(&self, command: SendReminder, ctx: &Context) -> Handled {
        let mut order = ctx.repository::<Order>().get(&command.order_id).await?;
        order.is_reminded = true;
        Ok(ctx.repository::<Order>().add(order).await?)
    }

    #[handle]
    async fn close(&self, _: CloseShop) -> Handled {
        Ok(())
    }

    #[handle]
    async fn report(&self, _: StockReport) -> Handled {
        Ok(())
    }
}

struct Reminders;

#[event_handler(part_of = Order)]
impl Reminders {
    #[handle]
    async fn placed(&self, event: OrderPlaced, ctx: &Context) -> Handled {
        let order_id = event.order_id;
        ctx.command(SendReminder { order_id }).after(Duration::from_secs(3600)).issue()?;
        Ok(())
    }
}

#[tokio::test]
async fn a_scheduled_command_can_be_cancelled() -> Result<(), Box<dyn std::error::Error>> {
    let shop = protean::domain("shop")
        .register(
            Recurring::new("stock-report", "0 6 * * MON-FRI", || StockReport {})
                .in_zone("Europe/Berlin")
                .missed(Missed::Skip),
        )
        .aggregate::<Order>()
        .register(Orders)
        .register(Reminders)
        .config("databases.default.provider = \"memory\"")
        .build()?;
    let order_id = Id::from("7");
    let id = shop
        .process(SendReminder { order_id })
        .after(Duration::from_secs(3600))
        .asynchronous()
        .await?;
    shop.process(CloseShop {}).at("2127-01-01T00:00:00Z".parse()?).await?;
    let cancelled = match ScheduledMessages::of(&shop).cancel(&id).await? {
        Cancellation::Cancelled => true,
        Cancellation::TooLate => false,
    };
    assert!(cancelled);
    Ok(())
}

#[test]
fn a_handler_schedules_a_command() {
    let shop = protean::domain("shop").aggregate::<Order>().register(Orders).register(Reminders);
    let shop = TestDomain::new(shop);
    shop.when(PlaceOrder { order_id: "7".into() })
        .then_scheduled(SendReminder { order_id: "7".into() }, Duration::from_secs(3600));
    shop.advance(Duration::from_secs(3600));
    shop.when(PlaceOrder { order_id: "8".into() })
        .then_state("7", |order: &Order| assert!(order.is_reminded));
}
