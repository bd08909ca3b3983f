//! Customers who order over HTTP while everything else goes on.

use std::net::SocketAddr;

use bookshelf::order::{Order, OrderPlaced};
use protean::message::{Lane, Recorded};
use protean::{Domain, Id};
use protean_cli::Result;
use serde_json::json;
use workbench::client::Client;
use workbench::history::{History, event};
use workbench::visitors::Visit;

/// Orders that go to one shop.
pub(super) struct Orders {
    client: Client,
    /// What there is to order.
    books: Vec<Id>,
}

impl Orders {
    pub(super) fn to(shop: SocketAddr, books: Vec<Id>) -> Self {
        Self { client: Client::new(shop), books }
    }

    /// An order of one to three books, other ones each time.
    fn body(&self, number: u64) -> String {
        let books = self.books.iter().cycle().skip(number as usize % self.books.len());
        let lines: Vec<_> = books
            .take(1 + number as usize % 3)
            .map(|book_id| json!({"book_id": book_id, "quantity": 1 + number % 5}))
            .collect();
        let ship_to = json!({
            "street": format!("Main Street {number}"), "postcode": "0150", "city": "Oslo",
            "country": "Norway",
        });
        let customer_email = email(number);
        json!({
            "customer_name": format!("Customer {number}"), "customer_email": customer_email,
            "ship_to": ship_to, "lines": lines,
        })
        .to_string()
    }
}

impl Visit for Orders {
    async fn send(&self, _: &Domain, number: u64) -> Result<(), String> {
        let (key, body) = (format!("load-{number}"), self.body(number));
        match self.client.post("/orders", &key, &body).await {
            Ok(answer) if answer.status == 202 => Ok(()),
            Ok(answer) => Err(format!("{}: {}", answer.status, answer.body)),
            Err(error) => Err(error.to_string()),
        }
    }

    fn done(&self, recorded: &Recorded) -> Result<Option<u64>> {
        let placed: Option<OrderPlaced> = event(recorded)?;
        Ok(placed.and_then(|placed| number_of(&placed.customer_email)))
    }

    async fn history(&self, domain: &Domain) -> Result<History> {
        Ok(History::of::<Order>(domain, domain.lanes().range(Lane::Primary)).await?)
    }
}

/// The address of a customer, which has the number of the order.
fn email(number: u64) -> String {
    format!("customer-{number}@example.org")
}

fn number_of(email: &str) -> Option<u64> {
    email.strip_prefix("customer-")?.strip_suffix("@example.org")?.parse().ok()
}
