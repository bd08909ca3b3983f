//! Orders one by one, in memory: what they cost, and what is refused.

use bookshelf::book::{AddBook, Book};
use bookshelf::order::{Address, Order, PlaceOrder, Wanted};
use protean::{Decimal, Domain, Id, Result};

const AT_ONCE: &str = "
    event_processing = \"sync\"
    databases.default.provider = \"memory\"
";

/// A shop that has one book, at this price.
async fn shop(price: Decimal) -> (Domain, Id) {
    let shop = bookshelf::domain().config(AT_ONCE).build().unwrap();
    let book_id = Book::identity(Some("1"), "", "");
    let (title, author) = ("Dune".to_owned(), "Herbert".to_owned());
    let isbn = Some("1".to_owned());
    let book = AddBook { book_id: book_id.clone(), title, author, isbn, price, description: None };
    shop.process(book).synchronous().await.unwrap();
    (shop, book_id)
}

fn order(lines: &[(&Id, u32)]) -> PlaceOrder {
    let [street, postcode, city, country] =
        ["Main Street 1", "0150", "Oslo", "Norway"].map(str::to_owned);
    let (customer_name, customer_email) = ("Ada".to_owned(), "ada@example.org".to_owned());
    let wanted = |(book_id, quantity): &(&Id, u32)| Wanted {
        book_id: (*book_id).clone(),
        quantity: *quantity,
    };
    PlaceOrder {
        order_id: Id::from("1"),
        customer_name,
        customer_email,
        ship_to: Address { street, postcode, city, country },
        lines: lines.iter().map(wanted).collect(),
    }
}

async fn placed(shop: &Domain) -> Result<Order> {
    shop.repository::<Order>().await.unwrap().get(&Id::from("1")).await
}

#[tokio::test]
async fn the_price_is_that_of_the_book_and_the_total_exact() {
    let (shop, dune) = shop(Decimal::new(1, 1)).await;
    shop.process(order(&[(&dune, 3), (&dune, 99)])).synchronous().await.unwrap();
    let placed = placed(&shop).await.unwrap();
    assert_eq!(
        (placed.lines[0].unit_price, placed.total),
        (Decimal::new(1, 1), Decimal::new(102, 1))
    );
    assert_eq!(placed.lines[0].title, "Dune");
}

#[tokio::test]
async fn an_order_that_is_there_stays_as_it_is() {
    let (shop, dune) = shop(9.into()).await;
    for copies in [1, 5] {
        shop.process(order(&[(&dune, copies)])).synchronous().await.unwrap();
    }
    assert!(placed(&shop).await.unwrap().total == 9);
}

#[tokio::test]
async fn a_price_beyond_all_decimals_is_a_violation_and_no_panic() {
    let (shop, dune) = shop("79228162514264337593543950335".parse().unwrap()).await;
    shop.process(order(&[(&dune, 1)])).synchronous().await.unwrap();
    let again = PlaceOrder { order_id: Id::from("2"), ..order(&[(&dune, 2)]) };
    let refused = shop.process(again).synchronous().await.unwrap_err();
    assert_eq!(refused.violations().unwrap().get("total"), ["is more than 28 digits can hold"]);
}

#[tokio::test]
async fn every_unknown_book_is_reported_and_nothing_is_placed() {
    let (shop, dune) = shop(9.into()).await;
    let (one, two) = (Id::from("one"), Id::from("two"));
    let wanted = order(&[(&one, 1), (&dune, 1), (&two, 1)]);
    let refused = shop.process(wanted).synchronous().await.unwrap_err();
    let messages = refused.violations().unwrap().get("lines");
    assert_eq!(messages, ["line 1: no book has the id 'one'", "line 3: no book has the id 'two'"]);
    assert!(placed(&shop).await.is_err_and(|error| error.is_not_found()));
}

#[tokio::test]
async fn a_total_that_is_not_the_sum_is_never_kept() {
    let (shop, dune) = shop(9.into()).await;
    shop.process(order(&[(&dune, 1)])).synchronous().await.unwrap();
    let changed = shop.unit_of_work(async |ctx| {
        let orders = ctx.repository::<Order>();
        let mut order = orders.get(&Id::from("1")).await?;
        order.total += Decimal::new(1, 2);
        orders.add(order).await
    });
    let refused = changed.await.unwrap_err();
    assert_eq!(refused.violations().unwrap().get("total"), ["must be the sum of the lines"]);
}
