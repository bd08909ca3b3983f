//! A bookshelf: books, the catalog made of them, orders, and an import of many
//! books that does not delay customers.
//!
//! * [`book`]: the aggregate, its command and its event
//! * [`catalog`]: what people browse
//! * [`order`]: what customers want to have sent
//! * [`http`]: orders and catalog for other programs
//! * [`import`]: a CSV file becomes commands of the priority BULK
//!
//! The program's own commands are in `commands`.

#[expect(missing_docs, reason = "the fields are the shop's own words")]
pub mod book;
#[expect(missing_docs, reason = "the fields are the shop's own words")]
pub mod catalog;
pub mod http;
pub mod import;
#[expect(missing_docs, reason = "the fields are the shop's own words")]
pub mod order;

use protean::DomainBuilder;

use book::{Book, BookCommandHandler};
use catalog::{BookCatalogProjector, BookCatalogQueries};
use order::{Order, OrderCommandHandler, PartnerOrders};

const SETTINGS: &str = include_str!("../domain.toml");
const DATABASE: &str = "\"${DATABASE_URI|sqlite:bookshelf.db}\"";

/// The bookshelf, as `domain.toml` sets it up.
pub fn domain() -> DomainBuilder {
    configured(SETTINGS)
}

/// The bookshelf, on this database whatever the environment says: `sqlite:shelf.db`.
pub fn domain_on(database_uri: &str) -> DomainBuilder {
    // JSON and TOML quote text alike.
    let quoted = serde_json::Value::from(database_uri).to_string();
    configured(&SETTINGS.replace(DATABASE, &quoted))
}

fn configured(settings: &str) -> DomainBuilder {
    protean::domain("bookshelf")
        .config(settings)
        .aggregate::<Book>()
        .aggregate::<Order>()
        .register(BookCommandHandler)
        .register(BookCatalogProjector)
        .register(BookCatalogQueries)
        .register(OrderCommandHandler)
        .register(PartnerOrders)
}
