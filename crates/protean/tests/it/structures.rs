//! Fields of structured types: how they are stored, found and compared.

use std::collections::BTreeMap;

use protean::model::{Children, Columns, Data};
use protean::prelude::Decimal;
use protean::{Condition, Json};

use crate::checkout::{Order, Payment, PaymentStatus, Percent, Sku, add, domains, line, payment};

#[tokio::test]
async fn maps_newtypes_entities_and_free_json_are_read_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    for (domain, _) in domains(&folder) {
        let long: Decimal = "12345678901234567890.12".parse().unwrap();
        let settings: Json = r#"{"rate": 0.12345678901234567890, "tags": ["a"]}"#.parse().unwrap();
        add(&domain, |order| {
            order.prices = BTreeMap::from([("A".into(), long), ("B".into(), 1.into())]);
            order.discount = Some(Percent(Decimal::new(125, 1)));
            order.payment = Some(payment("p", PaymentStatus::Paid));
            order.settings = settings.clone();
            order.lines.push(line("A"));
        })
        .await
        .unwrap();
        let orders = domain.repository::<Order>().await.unwrap();
        let order =
            orders.query().filter(Order::CUSTOMER.equals("")).all().await.unwrap().remove(0);
        assert_eq!(order.prices[&Sku::from("A")], long);
        assert_eq!(
            (order.discount, order.settings),
            (Some(Percent(Decimal::new(125, 1))), settings)
        );
        assert_eq!(order.payment, Some(payment("p", PaymentStatus::Paid)));
        assert_eq!(order.lines, [line("A")]);
        add(&domain, |order| order.payment = None).await.unwrap();
        assert_eq!(orders.get(&"1".into()).await.unwrap().payment, None);
        let discounted =
            orders.query().filter(Order::DISCOUNT.equals(Percent(Decimal::new(125, 1))));
        assert_eq!(discounted.count().await.unwrap(), 1);
    }
    assert_eq!(serde_json::to_string(&Sku::from("A")).unwrap(), "\"A\"");
    let columns = Order::columns();
    let kind = |name: &str| columns.iter().find(|column| column.name == name).unwrap().kind;
    assert_eq!(kind("discount"), protean::message::ColumnKind::Decimal);
    assert_eq!(kind("payment"), protean::message::ColumnKind::Json);
}

#[test]
fn a_child_is_found_by_its_identity() {
    let mut lines = vec![line("A")];
    lines.add_child(line("B")).unwrap();
    let taken = lines.add_child(line("A")).unwrap_err();
    assert_eq!(taken.to_string(), "id: 'A' is already taken by another Line");
    lines.child_mut(&"B".into()).unwrap().reserved = 1;
    assert_eq!(lines.child(&"B".into()).unwrap().reserved, 1);
    assert_eq!(lines.remove_child(&"A".into()).unwrap(), line("A"));
    let gone = lines.remove_child(&"A".into()).unwrap_err();
    assert_eq!(gone.to_string(), "no Line has the id 'A'");
    assert!(gone.is_not_found());
}

#[tokio::test]
async fn a_newtype_of_text_is_compared_as_text() {
    let folder = tempfile::tempdir().unwrap();
    for (domain, _) in domains(&folder) {
        add(&domain, |order| {
            (order.origin, order.coupon) = ("SHOP-7".into(), Some("GIFT".into()));
        })
        .await
        .unwrap();
        let orders = domain.repository::<Order>().await.unwrap();
        let count = async |condition: Condition<Order>| {
            orders.query().filter(condition).count().await.unwrap()
        };
        assert_eq!(count(Order::ORIGIN.starts_with("SHOP")).await, 1);
        assert_eq!(count(Order::ORIGIN.ignoring_case().equals("shop-7")).await, 1);
        assert_eq!(count(Order::ORIGIN.equals("SHOP-7")).await, 1);
        assert_eq!(count(Order::ORIGIN.one_of(["A", "B"])).await, 0);
        assert_eq!(count(Order::COUPON.equals("GIFT")).await, 1);
        assert_eq!(count(Order::COUPON.contains("IF")).await, 1);
        assert_eq!(count(Order::COUPON.differs_from("GIFT")).await, 0);
    }
}

/// As a program that knows nothing of our decimals may have written it.
#[test]
fn a_long_number_in_a_message_is_read_to_its_last_digit() {
    let json = r#"{"id": "1", "amount": 12345678901234567890.12, "status": "Paid"}"#;
    for data in [Data::strict(json), Data::lenient(json)] {
        let read: Payment = data.read("Payment").unwrap();
        assert_eq!(read.amount.to_string(), "12345678901234567890.12");
    }
}
