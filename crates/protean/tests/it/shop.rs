//! A shop, as a user writes it: kept as rows, with values and entities inside.

use protean::prelude::{Context, Decimal, Handled, Id, Result, Root, Timestamp};
use protean::{
    aggregate, aggregate_impl, command, command_handler, entity, event, event_handler, projection,
    projector, query, query_handler, value_object,
};

#[value_object]
pub(crate) struct Address {
    #[field(max_length = 10, blank = false)]
    pub(crate) street: String,
    pub(crate) city: Option<String>,
}

#[value_object]
pub(crate) enum Status {
    Open,
    #[serde(rename = "sent-off")]
    Sent,
}

#[entity]
pub(crate) struct Line {
    pub(crate) id: Id,
    #[field(min_value = 1, default = 1)]
    pub(crate) quantity: u32,
}

#[aggregate(commands(PlaceOrder), fact_events, stream_category = "shop-orders")]
pub(crate) struct Order {
    root: Root<Order>,
    #[field(max_length = 20, blank = false, unique)]
    pub(crate) number: String,
    pub(crate) ship_to: Address,
    pub(crate) bill_to: Option<Address>,
    #[field(default = Status::Open)]
    pub(crate) status: Status,
    pub(crate) lines: Vec<Line>,
    #[field(default = -0.50)]
    pub(crate) discount: Decimal,
    pub(crate) placed: Option<Timestamp>,
    #[field(default = 2)]
    pub(crate) weight: f64,
}

#[event(part_of = Order)]
pub(crate) struct OrderPlaced {
    pub(crate) order_id: Id,
    pub(crate) number: String,
    pub(crate) status: Status,
}

#[event(part_of = Order)]
pub(crate) struct OrderSent {
    pub(crate) order_id: Id,
}

#[command(part_of = Order, returns = Id)]
pub(crate) struct PlaceOrder {
    pub(crate) number: String,
}

#[command(part_of = Order)]
pub(crate) struct SendOrder {
    #[field(identifier)]
    pub(crate) order_id: Id,
}

#[aggregate_impl]
impl Order {
    pub(crate) fn place(number: &str) -> Result<Self> {
        let mut order = Self {
            number: number.to_owned(),
            ship_to: Address { street: "Main".into(), city: Some("Oslo".into()) },
            bill_to: None,
            status: Self::default_status(),
            lines: vec![Line { id: Id::from("1"), quantity: 2 }],
            placed: None,
            root: Root::new(),
            discount: Self::default_discount(),
            weight: Self::default_weight(),
        };
        let (order_id, number) = (order.id(), order.number.clone());
        order.raise(OrderPlaced { order_id, number, status: Status::Open })?;
        Ok(order)
    }

    pub(crate) fn send(&mut self) -> Result {
        self.status = Status::Sent;
        self.raise(OrderSent { order_id: self.id() })
    }
}

#[projection]
pub(crate) struct OrderRow {
    pub(crate) number: String,
    #[field(identifier)]
    pub(crate) order_id: Id,
    #[field(default = false)]
    pub(crate) sent: bool,
}

#[query(returns = Vec<OrderRow>)]
pub(crate) struct OrdersNotSent;

pub(crate) struct OrderCommandHandler;

#[command_handler(part_of = Order, profile = "projection", start_from = "head")]
impl OrderCommandHandler {
    #[handle]
    async fn place(&self, command: PlaceOrder, ctx: &Context) -> Handled<Id> {
        let order = Order::place(&command.number)?;
        let id = order.id();
        ctx.repository::<Order>().add(order).await?;
        Ok(id)
    }

    #[handle]
    async fn send(&self, command: SendOrder, ctx: &Context) -> Result {
        let orders = ctx.repository::<Order>();
        let mut order = orders.get(&command.order_id).await?;
        order.send()?;
        orders.add(order).await
    }
}

pub(crate) struct OrderRows;

#[projector(projection = OrderRow)]
impl OrderRows {
    #[on]
    async fn placed(&self, event: OrderPlaced, ctx: &Context) -> Handled {
        let row = OrderRow {
            number: event.number,
            order_id: event.order_id,
            ..OrderRow::with_defaults()
        };
        Ok(ctx.repository::<OrderRow>().add(row).await?)
    }

    #[on]
    async fn sent(&self, event: OrderSent, ctx: &Context) -> Handled {
        let rows = ctx.repository::<OrderRow>();
        let mut row = rows.get(&event.order_id).await?;
        row.sent = true;
        Ok(rows.add(row).await?)
    }
}

/// Writes down what it sees. Generic, as a handler with a client of its own is.
pub(crate) struct Clerk<W> {
    pub(crate) write: W,
}

#[event_handler(
    part_of = Order,
    ordering = "none",
    on_dead_letter = "skip",
    start_from = "beginning"
)]
impl<W: Fn(&str) + Send + Sync + 'static> Clerk<W> {
    #[handle]
    fn placed(&self, event: OrderPlaced) -> Handled {
        self.note(&event.number);
        Ok(())
    }

    fn note(&self, text: &str) {
        (self.write)(text);
    }
}

pub(crate) struct OrderQueries;

#[query_handler(projection = OrderRow)]
impl OrderQueries {
    #[handle]
    async fn not_sent(&self, _: OrdersNotSent, ctx: &Context) -> Handled<Vec<OrderRow>> {
        let rows = ctx.repository::<OrderRow>().query();
        let rows = rows.filter(OrderRow::SENT.equals(false));
        Ok(rows.order_by(OrderRow::NUMBER.ascending()).all().await?)
    }
}
