//! Checks that must pass once every order is finished.

use std::collections::HashMap;

use orders::fulfilment::Fulfilment;
use orders::order::{Order, OrderStatus};
use orders::payment::Payment;
use orders::stock::Stock;
use protean::Domain;
use protean::prelude::{Id, Result};

/// The number of orders by final state.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) shipped: usize,
    pub(crate) cancelled: usize,
}

/// An article of which none ever came in.
pub(crate) const UNKNOWN_SKU: &str = "unknown";

/// Every process is complete, no stock and no money is left between two places, and each order was
/// shipped exactly when it was paid for. `added` is how much of each article there was.
pub(crate) async fn assert_closed(shop: &Domain, added: i64) -> Result<Ends> {
    let orders = shop.repository::<Order>().await?.query().all().await?;
    let processes = shop.repository::<Fulfilment>().await?.query().all().await?;
    assert_eq!(processes.len(), orders.len(), "each order has its process");
    let open = processes.iter().find(|process| !process.is_complete());
    assert!(open.is_none(), "order {} did not come to its end", open.unwrap().id());
    let payments = shop.repository::<Payment>().await?.query().all().await?;
    let payments: HashMap<Id, Payment> = payments.into_iter().map(|of| (of.id(), of)).collect();
    let (mut ends, mut shipped) = (Ends::default(), HashMap::<Id, i64>::new());
    for order in &orders {
        let payment = payments.get(&order.id());
        let paid = payment.map_or(0.into(), |payment| payment.charged - payment.refunded);
        match order.status {
            OrderStatus::Shipped => {
                assert_eq!(paid, order.price, "order {} was shipped", order.id());
                *shipped.entry(order.sku.clone()).or_default() += order.quantity;
                ends.shipped += 1;
            }
            OrderStatus::Cancelled => {
                assert_eq!(paid, 0, "order {} was cancelled", order.id());
                ends.cancelled += 1;
            }
            OrderStatus::Placed => panic!("order {} stayed as it was placed", order.id()),
        }
    }
    for stock in shop.repository::<Stock>().await?.query().all().await? {
        let sku = stock.id();
        assert_eq!(stock.reserved, 0, "{sku} is reserved for nobody");
        let all = stock.available + stock.shipped;
        assert!(all % added == 0, "{all} of {sku}, and {added} came in each time");
        assert_eq!(all > 0, sku.as_str() != UNKNOWN_SKU, "{all} of {sku}");
        assert_eq!(stock.shipped, shipped.get(&sku).copied().unwrap_or(0), "{sku}");
    }
    Ok(ends)
}
