//! Orders over HTTP, from the request to what became of them.

use bookshelf::book::Book;
use serde_json::{Value, json};

use crate::shop::{Shop, eventually};
use crate::web::{Web, order_of};

const KEPT: &str =
    "databases.default = { provider = \"sqlite\", database_uri = \"sqlite:shelf.db\" }\n";
const SYNC: &str = "command_processing = \"sync\"\nevent_processing = \"sync\"\n";

/// A shop with two books: Dune at 9.99 and Solaris at 12.50.
pub(crate) fn stocked() -> Shop {
    let shop = Shop::new();
    shop.file("books.csv", "title,author,isbn,price\nDune,Herbert,1,9.99\nSolaris,Lem,2,12.50\n");
    shop.json(&["import", "books.csv"]);
    shop.json(&["server", "--test-mode"]);
    shop
}

pub(crate) fn dune() -> String {
    Book::identity(Some("1"), "", "").to_string()
}

pub(crate) fn solaris() -> String {
    Book::identity(Some("2"), "", "").to_string()
}

/// The order at this place, as soon as it has this status.
#[track_caller]
pub(crate) fn becomes(web: &Web, location: &str, status: &str) -> Value {
    eventually(|| web.get(location).json()["status"] == status);
    web.get(location).json()
}

#[test]
fn an_order_is_taken_in_and_placed() {
    let shop = stocked();
    let web = shop.serve(&[]);
    let order = order_of(&[(&dune(), 2), (&solaris(), 1)]);
    let taken = web.order(&order, &["X-Priority: high"]);
    let receipt = taken.json();
    assert_eq!((taken.status, &receipt["status"]), (202, &json!("queued")));
    let order_id = receipt["order_id"].as_str().unwrap();
    assert_eq!(taken.header("location"), format!("/orders/{order_id}"));
    assert_ne!(receipt["id"], receipt["order_id"]);
    let placed = becomes(&web, taken.header("location"), "placed");
    let line = |number: u32, (book, title): (String, &str), quantity: u32, price: f64| {
        json!({"id": number.to_string(), "book_id": book, "title": title,
               "quantity": quantity, "unit_price": price})
    };
    let lines =
        json!([line(1, (dune(), "Dune"), 2, 9.99), line(2, (solaris(), "Solaris"), 1, 12.5)]);
    assert_eq!((&placed["lines"], &placed["total"]), (&lines, &json!(32.48)));
    assert_eq!((&placed["order_id"], &placed["ship_to"]), (&json!(order_id), &order["ship_to"]));
    assert_eq!(web.get(taken.header("location")).status, 200);
}

#[test]
fn a_synchronous_shop_answers_with_the_order() {
    let shop = stocked();
    shop.file("sync.toml", format!("{SYNC}{KEPT}"));
    let web = shop.serve(&["--config", "sync.toml"]);
    let placed = web.order(&order_of(&[(&dune(), 3)]), &["Idempotency-Key: a"]);
    assert_eq!((placed.status, &placed.json()["total"]), (201, &json!(29.97)), "{placed:?}");
    assert_eq!(web.get(placed.header("location")).json(), placed.json());
    let again = web.order(&order_of(&[(&dune(), 3)]), &["Idempotency-Key: a"]);
    assert_eq!((again.status, again.json()), (201, placed.json()));
    let refused = web.order(&order_of(&[("a", 1), (&dune(), 1), ("b", 2)]), &[]);
    let unknown = ["line 1: no book has the id 'a'", "line 3: no book has the id 'b'"];
    assert_eq!((refused.status, refused.json()), (422, json!({"errors": {"lines": unknown}})));
}

#[test]
fn the_same_key_places_one_order() {
    let shop = stocked();
    let web = shop.serve(&[]);
    let send = |key: &str| web.order(&order_of(&[(&dune(), 1)]), &[key]).json();
    let first = send("Idempotency-Key: one");
    assert_eq!(send("Idempotency-Key: one"), first);
    assert_ne!(send("Idempotency-Key: two")["order_id"], first["order_id"]);
    let placed = || shop.json(&["verify"])["data"]["groups"].clone();
    eventually(|| {
        let groups = placed();
        let orders = groups
            .as_array()
            .unwrap()
            .iter()
            .find(|group| group["category"] == "bookshelf::order:command")
            .unwrap();
        assert_eq!(orders["committed"], 2);
        orders["handled"] == 2
    });
}

#[test]
fn an_order_whose_command_fails_says_so() {
    let shop = stocked();
    let web = shop.serve(&[]);
    let taken = web.order(&order_of(&[("no such book", 1)]), &[]);
    assert_eq!(taken.status, 202);
    becomes(&web, taken.header("location"), "failed");
    assert_eq!(shop.run(&["verify"]).code, 0);
}

#[test]
fn an_expired_order_is_distinct_from_one_that_waits() {
    let shop = stocked();
    shop.file("hasty.toml", format!("command_default_timeout = 0.001\n{KEPT}"));
    let web = shop.serve(&["--no-server", "--config", "hasty.toml"]);
    let [low, normal] = ["X-Priority: low", "X-Priority: normal"]
        .map(|priority| web.order(&order_of(&[(&dune(), 1)]), &[priority]));
    for order in [&low, &normal] {
        assert_eq!(web.get(order.header("location")).json()["status"], "queued");
    }
    shop.json(&["server", "--test-mode"]);
    let patient = shop.serve(&["--no-server"]);
    let waits = patient.order(&order_of(&[(&dune(), 1)]), &["X-Priority: low"]);
    for (order, status) in [(&low, "dropped"), (&normal, "dropped"), (&waits, "queued")] {
        assert_eq!(web.get(order.header("location")).json()["status"], status);
    }
}

#[test]
fn everything_of_a_request_shares_its_correlation_id() {
    let shop = stocked();
    let web = shop.serve(&[]);
    let taken = web.order(&order_of(&[(&dune(), 1)]), &["X-Correlation-Id: desk-7"]);
    assert_eq!(taken.header("x-correlation-id"), "desk-7");
    becomes(&web, taken.header("location"), "placed");
    let file = shop.file("unused", "").with_file_name("shelf.db");
    let database = rusqlite::Connection::open(file).unwrap();
    let count = "SELECT count(*) FROM messages WHERE correlation_id = 'desk-7'";
    assert_eq!(database.query_row(count, [], |row| row.get::<_, u32>(0)).unwrap(), 2);

    let made = [web.get("/books"), web.get("/nowhere"), web.send("PUT", "/books", &[], "")]
        .map(|answer| answer.header("x-correlation-id").to_owned());
    assert!(made.iter().all(|id| id.len() == 36) && made[0] != made[1], "{made:?}");
}

#[test]
fn the_catalog_is_searched_by_author_and_title() {
    let shop = stocked();
    let web = shop.serve(&[]);
    let titles = |query: &str| -> Vec<String> {
        let found = web.get(&format!("/books{query}"));
        assert_eq!(found.status, 200, "{found:?}");
        let books = found.json()["books"].as_array().unwrap().clone();
        books.iter().map(|book| book["title"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(titles(""), ["Dune", "Solaris"]);
    assert_eq!(titles("?author=Le&title="), ["Solaris"]);
    assert_eq!(titles("?author=Lem&title=Dune"), [""; 0]);
    assert_eq!(titles("?limit=1"), ["Dune"]);
}

#[test]
fn the_books_of_an_author_come_in_pages() {
    let shop = Shop::new();
    let titles = ["Eden", "Fiasco", "Golem XIV", "Solaris", "The Invincible"];
    let rows: String = titles.iter().map(|title| format!("{title},Stanisław Lem,,9\n")).collect();
    shop.file("books.csv", format!("title,author,isbn,price\n{rows}Dune,Herbert,,9\n"));
    shop.json(&["import", "books.csv"]);
    shop.json(&["server", "--test-mode"]);
    let web = shop.serve(&[]);
    let first = "/authors/Stanis%C5%82aw%20Lem/books?limit=2".to_owned();
    let (mut path, mut found) = (first.clone(), Vec::new());
    loop {
        let page = web.get(&path);
        assert_eq!(page.status, 200, "{page:?}");
        let page = page.json();
        let title = |book: &Value| book["title"].as_str().unwrap().to_owned();
        found.push(page["books"].as_array().unwrap().iter().map(title).collect::<Vec<_>>());
        let Some(next) = page["next"].as_str() else { break };
        path = format!("{first}&after={next}");
    }
    assert_eq!(found, [&titles[..2], &titles[2..4], &titles[4..]]);

    let of_another = path.replace("Stanis%C5%82aw%20Lem", "Herbert");
    for wrong in ["/authors/Herbert/books?after=7", &of_another] {
        let refused = web.get(wrong);
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.json().to_string().contains("cursor"), "{refused:?}");
    }
}
