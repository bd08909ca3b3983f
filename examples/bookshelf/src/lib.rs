//! A bookshelf: books, the catalog made of them, and an import of many books
//! that keeps out of the way of people.
//!
//! * [`book`]: the aggregate, its command and its event
//! * [`catalog`]: what people browse
//! * [`import`]: a CSV file becomes commands of the priority BULK

#[expect(missing_docs, reason = "the fields are the shop's own words")]
pub mod book;
#[expect(missing_docs, reason = "the fields are the shop's own words")]
pub mod catalog;
pub mod import;

use protean::DomainBuilder;

use book::{Book, BookCommandHandler};
use catalog::{BookCatalogProjector, BookCatalogQueries};

/// The bookshelf, as `domain.toml` sets it up.
pub fn domain() -> DomainBuilder {
    protean::domain("bookshelf")
        .config(include_str!("../domain.toml"))
        .aggregate::<Book>()
        .register(BookCommandHandler)
        .register(BookCatalogProjector)
        .register(BookCatalogQueries)
}
