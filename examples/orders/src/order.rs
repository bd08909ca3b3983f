//! What a customer wants.

use protean::prelude::{Context, Decimal, Id, Result, Root};
use protean::{aggregate, aggregate_impl, command, command_handler, ensure, event, value_object};

/// How far an order is.
#[value_object]
#[derive(Debug)]
pub enum OrderStatus {
    Placed,
    Shipped,
    Cancelled,
}

#[command(part_of = Order)]
#[derive(PartialEq)]
pub struct PlaceOrder {
    #[field(identifier)]
    pub order_id: Id,
    pub sku: Id,
    #[field(min_value = 1)]
    pub quantity: i64,
    #[field(min_value = 0)]
    pub price: Decimal,
    #[field(min_value = 1, default = 900)]
    pub seconds_to_pay: u32,
}

#[command(part_of = Order)]
#[derive(PartialEq)]
pub struct ShipOrder {
    #[field(identifier)]
    pub order_id: Id,
}

#[command(part_of = Order)]
#[derive(PartialEq)]
pub struct CancelOrder {
    #[field(identifier)]
    pub order_id: Id,
    #[field(max_length = 100)]
    pub reason: String,
}

#[event(part_of = Order)]
#[derive(PartialEq)]
pub struct OrderPlaced {
    pub order_id: Id,
    pub sku: Id,
    pub quantity: i64,
    pub price: Decimal,
    pub seconds_to_pay: u32,
}

#[event(part_of = Order)]
#[derive(PartialEq)]
pub struct OrderShipped {
    pub order_id: Id,
}

#[event(part_of = Order)]
#[derive(PartialEq)]
pub struct OrderCancelled {
    pub order_id: Id,
    pub reason: String,
}

/// An order.
#[aggregate(commands(PlaceOrder, ShipOrder, CancelOrder))]
pub struct Order {
    root: Root<Order>,
    pub sku: Id,
    pub quantity: i64,
    pub price: Decimal,
    pub status: OrderStatus,
}

#[aggregate_impl]
impl Order {
    fn place(command: PlaceOrder) -> Result<Self> {
        let PlaceOrder { order_id, sku, quantity, price, seconds_to_pay } = command;
        let root = Root::with_id(order_id.clone());
        let mut order =
            Self { root, sku: sku.clone(), quantity, price, status: OrderStatus::Placed };
        order.raise(OrderPlaced { order_id, sku, quantity, price, seconds_to_pay })?;
        Ok(order)
    }

    fn ship(&mut self) -> Result {
        ensure!(self.status == OrderStatus::Placed, "status" => "is not placed");
        self.status = OrderStatus::Shipped;
        self.raise(OrderShipped { order_id: self.id() })
    }

    fn cancel(&mut self, reason: String) -> Result {
        ensure!(self.status == OrderStatus::Placed, "status" => "is not placed");
        self.status = OrderStatus::Cancelled;
        self.raise(OrderCancelled { order_id: self.id(), reason })
    }
}

/// Handles the commands of orders.
pub struct Orders;

#[command_handler(part_of = Order)]
impl Orders {
    #[handle]
    async fn place(&self, command: PlaceOrder, ctx: &Context) -> Result {
        ctx.repository::<Order>().add(Order::place(command)?).await
    }

    #[handle]
    async fn ship(&self, command: ShipOrder, ctx: &Context) -> Result {
        let mut order = ctx.repository::<Order>().get(&command.order_id).await?;
        order.ship()?;
        ctx.repository::<Order>().add(order).await
    }

    #[handle]
    async fn cancel(&self, command: CancelOrder, ctx: &Context) -> Result {
        let mut order = ctx.repository::<Order>().get(&command.order_id).await?;
        order.cancel(command.reason)?;
        ctx.repository::<Order>().add(order).await
    }
}
