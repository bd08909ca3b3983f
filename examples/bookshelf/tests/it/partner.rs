//! Orders that come in through another shop.

use std::time::Duration;

use bookshelf::book::{AddBook, Book};
use bookshelf::order::Order;
use protean::message::Id;
use protean::{Decimal, Server};
use protean_test_servers::RedisServer;
use protean_testing::TestDomain;

const ORDER: &str = r#"{
    "reference": "P-17", "customer": "Ada", "email": "ada@example.org",
    "ship_to": {"street": "Main Street 1", "postcode": "0150", "city": "Oslo", "country": "Norway"},
    "books": [{"isbn": "9780441013593", "copies": 2}], "currency": "NOK"
}"#;

fn dune() -> AddBook {
    let isbn = "9780441013593";
    AddBook {
        book_id: Book::identity(Some(isbn), "", ""),
        title: "Dune".to_owned(),
        author: "Herbert".to_owned(),
        isbn: Some(isbn.to_owned()),
        price: Decimal::new(1250, 2),
        description: None,
    }
}

fn order_id() -> Id {
    Order::identity("partner P-17")
}

#[test]
fn an_order_of_a_partner_is_placed() {
    let shop = TestDomain::new(bookshelf::domain());
    shop.given(dune());
    shop.when_received("external-orders", ORDER).then_named(["OrderPlaced"]).then_state::<Order>(
        order_id(),
        |order| {
            assert_eq!((order.customer_name.as_str(), order.total), ("Ada", Decimal::new(25, 0)));
        },
    );
    shop.when_received("external-orders", ORDER).then_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn what_a_partner_puts_into_the_stream_is_placed_by_the_server() {
    let (folder, redis) = (tempfile::tempdir().unwrap(), RedisServer::start(""));
    let config = format!(
        "[databases.default]\nprovider = \"sqlite\"\ndatabase_uri = 'sqlite://{}'\n\
         [brokers.default]\nprovider = \"redis\"\nURI = '{}'\n",
        folder.path().join("shelf.db").display(),
        redis.uri()
    );
    let shop = bookshelf::domain().config(&config).build().unwrap();
    shop.process(dune()).synchronous().await.unwrap();
    for _ in 0..2 {
        redis.command(&["XADD", "external-orders", "*", "data", ORDER]);
    }
    let orders = shop.repository::<Order>().await.unwrap();
    let placed = async {
        while orders.find(&order_id()).await.unwrap().is_none()
            || redis.command(&["XLEN", "external-orders"]) != "0"
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let serving = Server::new(shop.clone()).run(placed);
    tokio::time::timeout(Duration::from_secs(30), serving).await.unwrap().unwrap();
    assert_eq!(orders.query().count().await.unwrap(), 1, "one order, however often it came");
}
