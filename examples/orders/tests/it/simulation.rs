//! Many orders, with clocks that jump by up to an hour.

use std::time::Duration;

use orders::order::PlaceOrder;
use orders::payment::{DECLINED_CARD, PayOrder};
use orders::stock::AddStock;
use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_oneof};
use proptest::proptest;
use protean::prelude::{Decimal, Id};
use protean_testing::TestDomain;

use crate::accounts::{UNKNOWN_SKU, assert_closed};

/// What may happen next in the shop.
#[derive(Clone, Debug)]
enum Step {
    Place { sku: u8, quantity: i64 },
    Pay { order: usize, is_declined: bool },
    Jump(Duration),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let place = (0_u8..4, 1_i64..4).prop_map(|(sku, quantity)| Step::Place { sku, quantity });
    let pay = (any::<usize>(), prop::bool::weighted(0.3))
        .prop_map(|(order, is_declined)| Step::Pay { order, is_declined });
    let jump = (0_u64..3_600_000).prop_map(|ms| Step::Jump(Duration::from_millis(ms)));
    prop::collection::vec(prop_oneof![4 => place, 4 => pay, 1 => jump], 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_order_comes_to_its_end_and_nothing_is_lost(steps in steps()) {
        let shop = TestDomain::new(orders::domain(orders::SETTINGS));
        for sku in 0..3 {
            shop.given(AddStock { sku: sku.to_string().into(), quantity: 20 });
        }
        let mut placed = 0;
        for step in steps {
            match step {
                Step::Place { sku, quantity } => {
                    let sku = if sku < 3 { sku.to_string() } else { UNKNOWN_SKU.to_owned() };
                    let (order_id, sku) = (placed.to_string().into(), sku.into());
                    let price = Decimal::new(1 + placed as i64, 2);
                    shop.given(PlaceOrder { order_id, sku, quantity, price, seconds_to_pay: 900 });
                    placed += 1;
                }
                Step::Pay { order, is_declined } if placed > 0 => {
                    let reference: Id = (order % placed).to_string().into();
                    let card = if is_declined { DECLINED_CARD } else { "4242424242424242" };
                    // One that is paid already is refused.
                    let pay = PayOrder { reference, card: card.to_owned() };
                    let _ = shop.run(shop.domain().process(pay).synchronous());
                }
                Step::Pay { .. } => {}
                Step::Jump(time) => {
                    shop.advance(time);
                }
            }
        }
        shop.advance(Duration::from_secs(3600));
        let ends = shop.run(assert_closed(shop.domain(), 20)).unwrap();
        assert_eq!(ends.shipped + ends.cancelled, placed);
    }
}
