//! Orders that come in through another shop.

use protean::prelude::{Context, Handled};
use protean::subscriber;
use serde::Deserialize;

use super::{Address, Order, PlaceOrder, Wanted};
use crate::book::Book;

/// An order as the partner's shop writes it.
#[derive(Deserialize)]
struct PartnerOrder {
    /// What the partner calls it; the same one may come more than once.
    reference: String,
    customer: String,
    email: String,
    ship_to: Address,
    books: Vec<PartnerLine>,
}

#[derive(Deserialize)]
struct PartnerLine {
    isbn: String,
    copies: u32,
}

/// Places the orders that a partner's shop puts into the stream `external-orders`.
pub struct PartnerOrders;

#[subscriber(stream = "external-orders")]
impl PartnerOrders {
    #[handle]
    async fn ordered(&self, order: PartnerOrder, ctx: &Context) -> Handled {
        let book = |line: PartnerLine| Wanted {
            book_id: Book::identity(Some(&line.isbn), "", ""),
            quantity: line.copies,
        };
        ctx.process(PlaceOrder {
            order_id: Order::identity(&format!("partner {}", order.reference)),
            customer_name: order.customer,
            customer_email: order.email,
            ship_to: order.ship_to,
            lines: order.books.into_iter().map(book).collect(),
        })?;
        Ok(())
    }
}
