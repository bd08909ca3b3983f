//! Orders: what customers want to have sent to them.

mod address;
mod line;
mod partner;
mod tracking;

pub use address::Address;
pub use line::{OrderLine, Wanted, total};
pub use partner::PartnerOrders;
pub use tracking::{Whereabouts, track};

use protean::prelude::{Context, Decimal, Id, Result, Root};
use protean::{
    Violations, aggregate, aggregate_impl, command, command_handler, ensure, event, value_object,
};

use crate::book::Book;

/// How far an order has come.
#[value_object]
pub enum Status {
    #[serde(rename = "placed")]
    Placed,
}

/// An order of a customer.
#[aggregate(commands(PlaceOrder))]
pub struct Order {
    root: Root<Order>,
    #[field(max_length = 100, blank = false)]
    pub customer_name: String,
    #[field(max_length = 254, blank = false)]
    pub customer_email: String,
    pub ship_to: Address,
    #[field(min_length = 1, max_length = 100)]
    pub lines: Vec<OrderLine>,
    #[field(min_value = 0)]
    pub total: Decimal,
    pub status: Status,
}

/// An order was placed.
#[event(part_of = Order)]
pub struct OrderPlaced {
    pub order_id: Id,
    pub customer_name: String,
    pub customer_email: String,
    pub ship_to: Address,
    pub lines: Vec<OrderLine>,
    pub total: Decimal,
}

/// Places an order; one that is there already stays as it is.
#[command(part_of = Order)]
pub struct PlaceOrder {
    #[field(identifier, max_length = 36)]
    pub order_id: Id,
    #[field(max_length = 100, blank = false)]
    pub customer_name: String,
    #[field(max_length = 254, blank = false)]
    pub customer_email: String,
    pub ship_to: Address,
    #[field(min_length = 1, max_length = 100)]
    pub lines: Vec<Wanted>,
}

#[aggregate_impl]
impl Order {
    /// The identity that belongs to a name of the sender's, so that the same
    /// name means the same order each time.
    pub fn identity(key: &str) -> Id {
        Id::derived("order", key)
    }

    /// A new order of these lines.
    ///
    /// # Errors
    /// When a field breaks its rules or the total is more than a decimal holds.
    pub fn place(command: PlaceOrder, lines: Vec<OrderLine>) -> Result<Self> {
        let total = total(&lines);
        ensure!(total.is_some(), "total" => "is more than 28 digits can hold");
        let PlaceOrder { order_id, customer_name, customer_email, ship_to, .. } = command;
        let mut order = Self {
            root: Root::with_id(order_id.clone()),
            customer_name: customer_name.clone(),
            customer_email: customer_email.clone(),
            ship_to: ship_to.clone(),
            lines: lines.clone(),
            total: total.unwrap_or_default(),
            status: Status::Placed,
        };
        let total = order.total;
        order.raise(OrderPlaced {
            order_id,
            customer_name,
            customer_email,
            ship_to,
            lines,
            total,
        })?;
        Ok(order)
    }

    #[invariant(post, "total" => "must be the sum of the lines")]
    fn total_is_the_sum_of_the_lines(&self) -> bool {
        total(&self.lines) == Some(self.total)
    }
}

/// Handles the commands of orders.
pub struct OrderCommandHandler;

#[command_handler(part_of = Order)]
impl OrderCommandHandler {
    #[handle]
    async fn place_order(&self, command: PlaceOrder, ctx: &Context) -> Result {
        let orders = ctx.repository::<Order>();
        if orders.find(&command.order_id).await?.is_some() {
            return Ok(());
        }
        let lines = self.priced(&command.lines, ctx).await?;
        orders.add(Order::place(command, lines)?).await
    }

    /// The lines with title and price of their books; reports every unknown book.
    async fn priced(&self, wanted: &[Wanted], ctx: &Context) -> Result<Vec<OrderLine>> {
        let books = ctx.repository::<Book>();
        let (mut lines, mut unknown) = (Vec::new(), Violations::new());
        for (number, wanted) in (1..).zip(wanted) {
            match books.find(&wanted.book_id).await? {
                Some(book) => lines.push(OrderLine::of(number, wanted, &book)),
                None => {
                    let message = format!("line {number}: no book has the id '{}'", wanted.book_id);
                    unknown.add("lines", message);
                }
            }
        }
        unknown.into_result().map(|()| lines)
    }
}
