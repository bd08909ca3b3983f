//! Moments and days: when rows were created and changed, and what day it is.

use std::time::Duration;

use protean::Date;

use crate::checkout::{Move, Order, OrderRow, Status, add, day, domains, domains_on};

crate::on_every_store! { moments_of_creation_and_change_are_those_of_the_message }

async fn moments_of_creation_and_change_are_those_of_the_message(stores: &[String]) {
    for (domain, clock) in domains_on(stores) {
        let go = |status| Move { order: "1".into(), through: vec![status], raise: true };
        let created = clock.put(1_700_000_000);
        domain.process(go(Status::Draft)).synchronous().await.unwrap();
        let changed = clock.put(1_700_000_060);
        domain.process(go(Status::Placed)).synchronous().await.unwrap();
        let orders = domain.repository::<Order>().await.unwrap();
        let order = orders.get(&"1".into()).await.unwrap();
        assert_eq!((order.created_at, order.updated_at), (created, Some(changed)));
        // A projector that writes the whole row anew keeps when it was created.
        let rows = domain.repository::<OrderRow>().await.unwrap();
        let row = rows.get(&"1".into()).await.unwrap();
        assert_eq!((row.created_at, row.updated_at), (created, changed));
        // A clock that goes back does not.
        clock.put(1_699_999_999);
        add(&domain, |_| {}).await.unwrap();
        let order = orders.get(&"1".into()).await.unwrap();
        assert_eq!((order.created_at, order.updated_at), (created, Some(changed)));
        domain.process(go(Status::Cancelled)).synchronous().await.unwrap();
        let row = rows.get(&"1".into()).await.unwrap();
        assert_eq!((row.created_at, row.updated_at), (created, changed));
        assert_eq!(row.status, Status::Cancelled);
        let before = created - Duration::from_secs(9);
        let import = domain.unit_of_work(async |ctx| {
            let old = Order { created_at: before, ..Order::draft("2") };
            ctx.repository::<Order>().add(old).await
        });
        import.await.unwrap();
        let order = orders.get(&"2".into()).await.unwrap();
        assert_eq!(order.created_at, before, "a moment that is set stays");
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let [_, (domain, clock)] = <[_; 2]>::try_from(domains(&folder)).ok().unwrap();
    let go = |status| Move { order: "1".into(), through: vec![status], raise: true };
    let created = clock.put(1_700_000_000);
    domain.process(go(Status::Draft)).synchronous().await.unwrap();
    let database = rusqlite::Connection::open(folder.path().join("rules.db")).unwrap();
    assert_eq!(database.execute("UPDATE order_row SET status = 'Sketched'", []).unwrap(), 1);
    drop(database);
    let rows = domain.repository::<OrderRow>().await.unwrap();
    assert!(rows.get(&"1".into()).await.unwrap_err().to_string().contains("Sketched"));
    clock.put(1_700_000_060);
    domain.process(go(Status::Placed)).synchronous().await.unwrap();
    let row = rows.get(&"1".into()).await.unwrap();
    assert_eq!((row.status, row.created_at), (Status::Placed, created));
}

#[tokio::test]
async fn today_is_the_day_of_the_clock_in_the_time_zone() {
    let folder = tempfile::tempdir().unwrap();
    let [(domain, clock), _] = <[_; 2]>::try_from(domains(&folder)).ok().unwrap();
    let days = async || {
        let days = domain.unit_of_work(async |ctx| {
            let zones = ["Europe/Berlin", "Pacific/Auckland", "America/New_York"];
            let abroad = zones.map(|zone| ctx.today_in(zone).unwrap());
            Ok::<_, protean::Error>((ctx.today(), abroad))
        });
        days.await.unwrap()
    };
    // 22:13:20 in UTC, 23:13:20 in Berlin.
    clock.put(1_700_000_000);
    let (first, second) = (day("2023-11-14"), day("2023-11-15"));
    assert_eq!(days().await, (first, [first, second, first]));
    // 23:20:00 in UTC, 00:20:00 in Berlin.
    clock.put(1_700_004_000);
    assert_eq!(days().await, (first, [second, second, first]));
    clock.put(i64::MAX / 1_000_000);
    assert_eq!(days().await.0, Date::MAX);
    let unknown = domain.unit_of_work(async |ctx| ctx.today_in("Europe/Atlantis").map(drop)).await;
    let text = "'Europe/Atlantis' is not a known time zone: use a name such as Europe/Berlin";
    assert_eq!(unknown.unwrap_err().to_string(), text);
}
