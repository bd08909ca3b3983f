//! Orders of a shop: placed, reserved, paid and shipped, or cancelled.
//!
//! ```text
//!                    ┌▶ StockReserved ─┐
//! OrderPlaced ───────┤                 ├▶ both: ship the order
//!  (in 15 minutes)   └▶ CardCharged ───┘
//!                    ┌▶ StockShort, CardDeclined, or the time is over:
//!                    └─ give back what there is of stock and money, cancel the order
//! ```
//!
//! * [`order`], [`stock`], [`payment`]: three aggregates that know nothing of each other
//! * [`fulfilment`]: the process manager that leads an order through them
//! * [`report`]: what is in stock, each morning
//!
//! The program in `sqlx/` places orders from its own transactions, without this crate.

pub mod fulfilment;
#[expect(missing_docs, reason = "the fields are the shop's own words")]
pub mod order;
#[expect(missing_docs, reason = "the fields are the shop's own words")]
pub mod payment;
#[expect(missing_docs, reason = "the fields are the shop's own words")]
pub mod report;
#[expect(missing_docs, reason = "the fields are the shop's own words")]
pub mod stock;

use protean::prelude::Id;
use protean::{DomainBuilder, Intake, Recurring};

use order::PlaceOrder;
use report::WriteStockReport;

/// The settings beside the code.
pub const SETTINGS: &str = include_str!("../domain.toml");

/// The shop.
pub fn domain(settings: &str) -> DomainBuilder {
    protean::domain("shop")
        .config(settings)
        .aggregate::<order::Order>()
        .aggregate::<stock::Stock>()
        .aggregate::<payment::Payment>()
        .aggregate::<report::StockReport>()
        .register(order::Orders)
        .register(stock::Warehouse)
        .register(payment::Till)
        .register(report::Reports)
        .register(fulfilment::Fulfilment::manager())
        .register(Intake::takes::<PlaceOrder>())
        .register(
            Recurring::new("stock-report", "0 6 * * MON-FRI", || WriteStockReport {
                report_id: Id::new(),
            })
            .in_zone("Europe/Berlin"),
        )
}
