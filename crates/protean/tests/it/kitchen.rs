//! A kitchen where one thing leads to another: an order to a dish.

use protean::config::Processing;
use protean::prelude::{Context, Failure, Handled, Id, Result, Root};
use protean::{
    DomainBuilder, aggregate, aggregate_impl, command, command_handler, event, event_handler,
};

#[event(part_of = Order)]
pub(crate) struct OrderPlaced {
    pub(crate) order_id: Id,
    pub(crate) dish: String,
}

#[command(part_of = Order, returns = Id)]
pub(crate) struct PlaceOrder {
    pub(crate) dish: String,
}

#[aggregate(event_sourced, fact_events, commands(PlaceOrder))]
pub(crate) struct Order {
    root: Root<Order>,
    pub(crate) dish: String,
}

#[aggregate_impl]
impl Order {
    #[apply]
    fn on_placed(&mut self, event: &OrderPlaced) {
        self.dish.clone_from(&event.dish);
    }
}

#[event(part_of = Dish)]
pub(crate) struct DishCooked {
    pub(crate) dish_id: Id,
}

#[command(part_of = Dish)]
pub(crate) struct CookDish {
    pub(crate) name: String,
}

#[aggregate(commands(CookDish))]
pub(crate) struct Dish {
    root: Root<Dish>,
    pub(crate) name: String,
}

#[aggregate_impl]
impl Dish {}

struct Orders;

#[command_handler(part_of = Order)]
impl Orders {
    #[handle]
    async fn place(&self, command: PlaceOrder, ctx: &Context) -> Result<Id> {
        let mut order = Order::create();
        let order_id = order.id();
        order.raise(OrderPlaced { order_id: order_id.clone(), dish: command.dish })?;
        ctx.repository::<Order>().add(order).await?;
        Ok(order_id)
    }
}

struct Dishes;

#[command_handler(part_of = Dish)]
impl Dishes {
    #[handle]
    async fn cook(&self, command: CookDish, ctx: &Context) -> Handled {
        if command.name == "stone" {
            return Err(Failure::rejected("nobody cooks a stone"));
        }
        let mut dish = Dish { root: Root::new(), name: command.name };
        dish.raise(DishCooked { dish_id: dish.id() })?;
        Ok(ctx.repository::<Dish>().add(dish).await?)
    }
}

struct Waiter;

#[event_handler(part_of = Order, start_from = "beginning")]
impl Waiter {
    #[handle]
    async fn placed(&self, event: OrderPlaced, ctx: &Context) -> Handled {
        ctx.process(CookDish { name: event.dish })?;
        Ok(())
    }
}

/// The kitchen in memory, at work at once or when a server runs.
pub(crate) fn kitchen(processing: Processing) -> DomainBuilder {
    let word = match processing {
        Processing::Sync => "sync",
        Processing::Async => "async",
    };
    let settings = format!(
        "command_processing = \"{word}\"\nevent_processing = \"{word}\"\n\
         [databases.default]\nprovider = \"memory\"\n"
    );
    protean::domain("kitchen")
        .config(&settings)
        .aggregate::<Order>()
        .aggregate::<Dish>()
        .register(Orders)
        .register(Dishes)
        .register(Waiter)
}
