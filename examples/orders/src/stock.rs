//! What lies in the warehouse.

use protean::prelude::{Context, Id, Result, Root};
use protean::{aggregate, aggregate_impl, command, command_handler, event};

#[command(part_of = Stock)]
#[derive(PartialEq)]
pub struct AddStock {
    #[field(identifier)]
    pub sku: Id,
    #[field(min_value = 1)]
    pub quantity: i64,
}

#[command(part_of = Stock)]
#[derive(PartialEq)]
pub struct ReserveStock {
    #[field(identifier)]
    pub sku: Id,
    pub order_id: Id,
    pub quantity: i64,
}

#[command(part_of = Stock)]
#[derive(PartialEq)]
pub struct ReleaseStock {
    #[field(identifier)]
    pub sku: Id,
    pub order_id: Id,
    pub quantity: i64,
}

#[command(part_of = Stock)]
#[derive(PartialEq)]
pub struct ShipStock {
    #[field(identifier)]
    pub sku: Id,
    pub order_id: Id,
    pub quantity: i64,
}

#[event(part_of = Stock)]
#[derive(PartialEq)]
pub struct StockReserved {
    pub order_id: Id,
    pub sku: Id,
    pub quantity: i64,
}

#[event(part_of = Stock)]
#[derive(PartialEq)]
pub struct StockShort {
    pub order_id: Id,
    pub sku: Id,
}

/// The stock of one article.
#[aggregate(commands(AddStock, ReserveStock, ReleaseStock, ShipStock))]
pub struct Stock {
    root: Root<Stock>,
    #[field(min_value = 0)]
    pub available: i64,
    #[field(min_value = 0)]
    pub reserved: i64,
    #[field(min_value = 0)]
    pub shipped: i64,
}

#[aggregate_impl]
impl Stock {
    fn none(sku: Id) -> Self {
        Self { root: Root::with_id(sku), available: 0, reserved: 0, shipped: 0 }
    }

    fn reserve(&mut self, order_id: Id, quantity: i64) -> Result {
        let sku = self.id();
        if self.available < quantity {
            return self.raise(StockShort { order_id, sku });
        }
        self.available -= quantity;
        self.reserved += quantity;
        self.raise(StockReserved { order_id, sku, quantity })
    }

    fn release(&mut self, quantity: i64) {
        self.reserved -= quantity;
        self.available += quantity;
    }

    fn ship(&mut self, quantity: i64) {
        self.reserved -= quantity;
        self.shipped += quantity;
    }
}

/// Handles the commands of the stock.
pub struct Warehouse;

#[command_handler(part_of = Stock)]
impl Warehouse {
    #[handle]
    async fn add(&self, command: AddStock, ctx: &Context) -> Result {
        let found = ctx.repository::<Stock>().find(&command.sku).await?;
        let mut stock = found.unwrap_or_else(|| Stock::none(command.sku));
        stock.available += command.quantity;
        ctx.repository::<Stock>().add(stock).await
    }

    #[handle]
    async fn reserve(&self, command: ReserveStock, ctx: &Context) -> Result {
        // An article that the warehouse does not know is short like any other, so that the order is
        // cancelled and paid back.
        let found = ctx.repository::<Stock>().find(&command.sku).await?;
        let mut stock = found.unwrap_or_else(|| Stock::none(command.sku));
        stock.reserve(command.order_id, command.quantity)?;
        ctx.repository::<Stock>().add(stock).await
    }

    #[handle]
    async fn release(&self, command: ReleaseStock, ctx: &Context) -> Result {
        let mut stock = ctx.repository::<Stock>().get(&command.sku).await?;
        stock.release(command.quantity);
        ctx.repository::<Stock>().add(stock).await
    }

    #[handle]
    async fn ship(&self, command: ShipStock, ctx: &Context) -> Result {
        let mut stock = ctx.repository::<Stock>().get(&command.sku).await?;
        stock.ship(command.quantity);
        ctx.repository::<Stock>().add(stock).await
    }
}
