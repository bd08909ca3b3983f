//! What happens to one order.

use std::time::Duration;

use orders::fulfilment::{Fulfilment, PaymentDue};
use orders::order::{
    CancelOrder, OrderCancelled, OrderPlaced, OrderShipped, PlaceOrder, ShipOrder,
};
use orders::payment::{CardCharged, DECLINED_CARD, PayOrder, Refund, Refunded};
use orders::report::StockReport;
use orders::stock::{AddStock, ReleaseStock, ReserveStock, ShipStock, Stock, StockReserved};
use protean::prelude::{Decimal, Id};
use protean_testing::TestDomain;

const CARD: &str = "4242424242424242";
const TIME_TO_PAY: Duration = Duration::from_secs(900);

fn shop() -> TestDomain {
    let shop = TestDomain::new(orders::domain(orders::SETTINGS));
    shop.given(AddStock { sku: "tea".into(), quantity: 5 });
    shop
}

fn place(order: &str, quantity: i64) -> PlaceOrder {
    let (order_id, sku, price) = (order.into(), "tea".into(), Decimal::new(650, 2));
    PlaceOrder { order_id, sku, quantity, price, seconds_to_pay: 900 }
}

fn pay(order: &str, card: &str) -> PayOrder {
    PayOrder { reference: order.into(), card: card.to_owned() }
}

fn release(order: &str, quantity: i64) -> ReleaseStock {
    ReleaseStock { sku: "tea".into(), order_id: order.into(), quantity }
}

fn cancelled(order: &str, reason: &str) -> OrderCancelled {
    OrderCancelled { order_id: order.into(), reason: reason.to_owned() }
}

fn cancel(order: &str, reason: &str) -> CancelOrder {
    CancelOrder { order_id: order.into(), reason: reason.to_owned() }
}

#[test]
fn an_order_is_placed_reserved_paid_and_shipped() {
    let (shop, order_id) = (shop(), || Id::from("7"));
    let (sku, quantity, price) = (|| Id::from("tea"), 2, Decimal::new(650, 2));
    shop.when(place("7", 2))
        .then_commands([ReserveStock { sku: sku(), order_id: order_id(), quantity }])
        .then((
            OrderPlaced { order_id: order_id(), sku: sku(), quantity, price, seconds_to_pay: 900 },
            StockReserved { order_id: order_id(), sku: sku(), quantity },
        ))
        .then_timer("7", PaymentDue {}, TIME_TO_PAY);
    shop.when(pay("7", CARD))
        .then_commands((
            ShipStock { sku: sku(), order_id: order_id(), quantity },
            ShipOrder { order_id: order_id() },
        ))
        .then((
            CardCharged { reference: order_id(), amount: price },
            OrderShipped { order_id: order_id() },
        ))
        .then_no_timer::<PaymentDue>("7")
        .then_state("tea", |stock: &Stock| {
            assert_eq!((stock.available, stock.reserved, stock.shipped), (3, 0, 2));
        })
        .then_state("7", |process: &Fulfilment| assert!(process.is_complete()));
}

#[test]
fn stock_goes_back_when_nobody_pays_in_time() {
    let shop = shop();
    shop.given(place("7", 2));
    shop.when_passed(TIME_TO_PAY - Duration::from_micros(1)).then_nothing();
    shop.when_passed(Duration::from_micros(1))
        .then_commands((release("7", 2), cancel("7", "not paid in time")))
        .then([cancelled("7", "not paid in time")])
        .then_state("tea", |stock: &Stock| assert_eq!((stock.available, stock.reserved), (5, 0)));
}

#[test]
fn money_that_comes_too_late_goes_back() {
    let shop = shop();
    shop.given(place("7", 2)).advance(TIME_TO_PAY);
    shop.when(pay("7", CARD)).then_commands([Refund { reference: "7".into() }]).then((
        CardCharged { reference: "7".into(), amount: Decimal::new(650, 2) },
        Refunded { reference: "7".into(), amount: Decimal::new(650, 2) },
    ));
}

#[test]
fn stock_that_comes_too_late_goes_back() {
    let shop = shop();
    shop.given(place("7", 2)).advance(TIME_TO_PAY);
    // As when the warehouse had been slow.
    shop.when(ReserveStock { sku: "tea".into(), order_id: "7".into(), quantity: 2 })
        .then_commands([release("7", 2)])
        .then_state("tea", |stock: &Stock| assert_eq!((stock.available, stock.reserved), (5, 0)));
}

#[test]
fn a_card_that_is_declined_or_a_shelf_that_is_empty_cancels_the_order() {
    let shop = shop();
    shop.given(place("7", 2));
    shop.when(pay("7", DECLINED_CARD))
        .then_commands((release("7", 2), cancel("7", "card declined")))
        .then_no_timer::<PaymentDue>("7");
    shop.when(place("8", 6)).then_commands((
        ReserveStock { sku: "tea".into(), order_id: "8".into(), quantity: 6 },
        cancel("8", "out of stock"),
    ));
}

#[test]
fn nobody_pays_twice_or_for_an_order_that_is_not_there() {
    let shop = shop();
    shop.given(place("7", 2)).given(pay("7", CARD));
    shop.when(pay("7", CARD)).then_rejected("amount").then_nothing();
    shop.when(pay("8", CARD)).then_error(|error| assert!(error.is_not_found())).then_nothing();
}

#[test]
fn the_stock_is_reported_each_working_morning() {
    let shop = shop();
    shop.given(place("7", 2));
    // The clock begins on Thursday, 1 January 2026.
    shop.advance(Duration::from_secs(5 * 24 * 3600));
    let reports = async { shop.domain().repository::<StockReport>().await?.query().all().await };
    let mut reports = shop.run(reports).unwrap();
    reports.sort_by_key(|report| report.time);
    let times: Vec<String> =
        reports.iter().map(|report| report.time.to_string()[..16].to_owned()).collect();
    assert_eq!(times, ["2026-01-01T05:00", "2026-01-02T05:00", "2026-01-05T05:00"]);
    assert_eq!((reports[0].available, reports[0].reserved), (5, 0), "it was not paid");
}
