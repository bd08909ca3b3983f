//! Rules of values and fields: checked wherever something new is made, never when it is read.

use std::collections::BTreeMap;

use protean::model::Fields;
use protean::prelude::Decimal;

use crate::checkout::{
    Lend, Line, LineStatus, Order, Payment, PaymentStatus, Percent, Period, Sku, add, backwards,
    day, domains, line, payment, violation,
};

#[tokio::test]
async fn each_rule_below_the_aggregate_is_a_violation_named_by_field() {
    let folder = tempfile::tempdir().unwrap();
    for (domain, _) in domains(&folder) {
        let refused = add(&domain, |order| order.period = Some(backwards())).await;
        assert_eq!(violation(refused, "period.end"), "must not be before the start");
        let refused = add(&domain, |order| order.lines.push(Line { reserved: 3, ..line("A") }));
        let text = violation(refused.await, "lines[0].reserved");
        assert_eq!(text, "cannot be more than is wanted");
        let refused = add(&domain, |order| order.lines.push(line("a")));
        assert_eq!(violation(refused.await, "lines[0].sku"), "must be upper case");
        let refused = add(&domain, |order| order.discount = Some(Percent(101.into())));
        assert_eq!(violation(refused.await, "discount"), "must be at most 100, is 101");
        let refused = add(&domain, |order| {
            let amount = Decimal::new(1, 3);
            order.payment = Some(Payment { amount, ..payment("p", PaymentStatus::Paid) });
        });
        let text = violation(refused.await, "payment.amount");
        assert_eq!(text, "must have at most 2 digits after the decimal point, has 3");
        let refused = add(&domain, |order| order.currency = " ".into()).await;
        assert_eq!(violation(refused, "currency"), "is required");
        let refused = add(&domain, |order| {
            order.prices.insert("TOO-LONG-A-NAME".into(), 1.into());
        });
        let text = violation(refused.await, "prices[TOO-LONG-A-NAME]");
        assert_eq!(text, "must have at most 8 characters, has 15");
        let refused = add(&domain, |order| {
            order.prices = ["A", "B", "C"].map(|sku| (sku.into(), 1.into())).into();
        });
        let text = violation(refused.await, "prices");
        assert_eq!(text, "must have 2 or fewer elements, has 3");
        add(&domain, |_| {}).await.unwrap();
    }
}

#[tokio::test]
async fn a_command_that_comes_as_json_is_checked_to_its_last_value() {
    let folder = tempfile::tempdir().unwrap();
    for (domain, _) in domains(&folder) {
        let json = r#"{"sku": "", "period": {"start": "2027-02-01", "end": "2027-01-31"},
            "more": [{"start": "2027-02-01", "end": "2027-02-01"},
                     {"start": "2027-02-01", "end": "2027-01-31"}],
            "prices": {"A": 50, "b": 12.25}}"#;
        let command: Lend = serde_json::from_str(json).unwrap();
        let error = domain.process(command).asynchronous().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "more[1].end: must not be before the start; \
             period.end: must not be before the start; \
             prices[b]: must be upper case, must have at most 1 digit after the decimal point, has 2; \
             sku: must have at least 1 character, has 0"
        );
        let period = Period { end: day("2027-02-01"), ..backwards() };
        let more = vec![period.clone(); 3];
        let lend = Lend { sku: "A".into(), period, more, prices: BTreeMap::new() };
        let error = domain.process(lend).asynchronous().await.unwrap_err();
        assert_eq!(error.to_string(), "more: are too many");
    }
    let read: Period =
        serde_json::from_str(r#"{"start":"2027-02-01","end":"2027-01-31"}"#).unwrap();
    assert_eq!(read.valid().unwrap_err().to_string(), "end: must not be before the start");
    assert_eq!(Sku::from("a").valid().unwrap_err().to_string(), "must be upper case");
}

/// Data from before a rule existed, as an older version of the program would have stored it.
#[tokio::test]
async fn what_is_kept_is_read_whatever_rules_came_later() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.db");
    let [_, (domain, _)] = <[_; 2]>::try_from(domains(&folder)).ok().unwrap();
    add(&domain, |order| order.lines.push(line("A"))).await.unwrap();
    let database = rusqlite::Connection::open(&file).unwrap();
    let old = "UPDATE \"order\" SET currency = '', period_start = '2027-02-01', \
               period_end = '2027-01-31', status = 'Cancelled', \
               lines = '[{\"sku\":\"a\",\"wanted\":1,\"reserved\":9}]'";
    assert_eq!(database.execute(old, []).unwrap(), 1);
    drop(database);
    let order = domain.repository::<Order>().await.unwrap().get(&"1".into()).await.unwrap();
    assert_eq!(order.period, Some(backwards()));
    assert_eq!((order.lines[0].reserved, order.lines[0].status), (9, LineStatus::Open));
    let error = add(&domain, |_| {}).await.unwrap_err();
    let fields: Vec<&str> = error.violations().unwrap().iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["currency", "lines[0].reserved", "lines[0].sku", "period.end"]);
    add(&domain, |order| {
        (order.currency, order.period) = ("EUR".into(), None);
        order.lines = vec![line("A")];
    })
    .await
    .unwrap();
}
