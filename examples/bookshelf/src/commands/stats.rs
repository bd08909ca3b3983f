//! `bookshelf stats`: how many books there are.

use std::fmt;

use bookshelf::book::Book;
use bookshelf::catalog::BookCatalog;
use protean::{Domain, Result};
use serde::Serialize;

/// How many books there are.
#[derive(Debug, Serialize)]
pub(crate) struct Stats {
    /// On the shelf.
    books: u64,
    /// In the catalog, which follows the shelf.
    catalog: u64,
}

impl Stats {
    pub(crate) async fn of(domain: &Domain) -> Result<Self> {
        let books = domain.repository::<Book>().await?.query().count().await?;
        let catalog = domain.repository::<BookCatalog>().await?.query().count().await?;
        Ok(Self { books, catalog })
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Books    {}", self.books)?;
        write!(f, "Catalog  {}", self.catalog)
    }
}
