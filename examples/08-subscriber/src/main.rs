//! A shop that takes the orders which a partner writes into a stream of a broker.
//!
//! You learn how a subscriber turns a message of another system into a command of your own, how it comes
//! that the same order has its effect once, and what happens to a message that cannot be read. The
//! messages are injected here; `domain.toml` says how they come from Redis. Read `09-http-axum` next.
#![expect(clippy::print_stdout, reason = "the program shows what it does")]

use std::error::Error;

use protean::prelude::{Context, Failure, Handled, Id, Result, Root};
use protean::{
    DomainBuilder, aggregate, aggregate_impl, command, command_handler, event, inject_entry,
    subscriber,
};
use serde::Deserialize;

/// An order was placed.
#[event(part_of = Order)]
#[derive(PartialEq)]
struct OrderPlaced {
    order_id: Id,
    article: String,
    pieces: u32,
}

/// Places an order; one that is there already stays as it is.
#[command(part_of = Order)]
#[derive(PartialEq)]
struct PlaceOrder {
    #[field(identifier)]
    order_id: Id,
    #[field(max_length = 50, blank = false)]
    article: String,
    #[field(min_value = 1, max_value = 1000)]
    pieces: u32,
}

/// An order.
#[aggregate(event_sourced, commands(PlaceOrder))]
struct Order {
    root: Root<Order>,
    article: String,
    pieces: u32,
}

#[aggregate_impl]
impl Order {
    #[apply]
    fn on_order_placed(&mut self, event: &OrderPlaced) {
        self.article.clone_from(&event.article);
        self.pieces = event.pieces;
    }
}

/// Handles the commands of orders.
struct OrderCommandHandler;

#[command_handler(part_of = Order)]
impl OrderCommandHandler {
    #[handle]
    async fn place(&self, command: PlaceOrder, ctx: &Context) -> Result {
        let PlaceOrder { order_id, article, pieces } = command;
        let orders = ctx.repository::<Order>();
        if orders.find(&order_id).await?.is_some() {
            return Ok(());
        }
        let mut order = Order::create_with(order_id.clone());
        order.raise(OrderPlaced { order_id, article, pieces })?;
        orders.add(order).await
    }
}

/// An order in the partner's words. What is not needed here is passed over.
#[derive(Deserialize)]
struct PartnerOrder {
    reference: String,
    item: String,
    dozens: u32,
}

/// Translates the partner's words into ours, and does nothing else.
struct PartnerOrders;

#[subscriber(stream = "partner-orders")]
impl PartnerOrders {
    #[handle]
    async fn ordered(&self, order: PartnerOrder, ctx: &Context) -> Handled {
        let PartnerOrder { reference, item, dozens } = order;
        if item == "gift card" {
            // No retry would help, so it becomes a dead letter for a person to look at.
            return Err(Failure::rejected("gift cards are sold in the shop only"));
        }
        // The identity follows from the partner's reference: the same order, sent twice, is the same.
        let order_id = Id::derived("partner order", &reference);
        ctx.process(PlaceOrder { order_id, article: item, pieces: dozens * 12 })?;
        Ok(())
    }
}

fn shop() -> DomainBuilder {
    protean::domain("shop")
        .config(include_str!("../domain.toml"))
        .aggregate::<Order>()
        .register(OrderCommandHandler)
        .register(PartnerOrders)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shop = shop().build()?;
    let message = r#"{"reference": "A-17", "item": "tea cup", "dozens": 2, "note": "in a hurry"}"#;
    inject_entry(&shop, "partner-orders", message).await?;
    let id = Id::derived("partner order", "A-17");
    let order = shop.repository::<Order>().await?.get(&id).await?;
    println!("The partner's order A-17 is ours {id}: {} of {}.", order.pieces, order.article);
    Ok(())
}

#[cfg(test)]
mod tests {
    use protean::prelude::Id;
    use protean_testing::TestDomain;

    use super::{OrderPlaced, PlaceOrder, shop};

    const STREAM: &str = "partner-orders";
    const MESSAGE: &str = r#"{"reference": "A-17", "item": "tea cup", "dozens": 2}"#;

    fn order_id() -> Id {
        Id::derived("partner order", "A-17")
    }

    #[test]
    fn a_message_becomes_a_command() {
        let article = || "tea cup".to_owned();
        TestDomain::new(shop())
            .when_received(STREAM, MESSAGE)
            .then_commands([PlaceOrder { order_id: order_id(), article: article(), pieces: 24 }])
            .then([OrderPlaced { order_id: order_id(), article: article(), pieces: 24 }]);
    }

    #[test]
    fn the_same_order_sent_twice_is_placed_once() {
        let shop = TestDomain::new(shop());
        shop.when_received(STREAM, MESSAGE).then_named(["OrderPlaced"]);
        shop.when_received(STREAM, MESSAGE).then_nothing();
    }

    #[test]
    fn a_message_that_is_refused_or_cannot_be_read_has_no_effect() {
        let shop = TestDomain::new(shop());
        let refused = r#"{"reference": "A-18", "item": "gift card", "dozens": 1}"#;
        let unreadable = r#"{"reference": "A-19", "item": "tea cup", "dozens": "two"}"#;
        for (message, reason) in [(refused, "in the shop only"), (unreadable, "expected u32")] {
            shop.when_received(STREAM, message)
                .then_error(|error| assert!(format!("{error:#}").contains(reason), "{error:#}"))
                .then_commands(());
        }
    }
}
