//! The catalog that people browse.

use protean::prelude::{Context, Decimal, Id, Result};
use protean::{Cursor, Page, projection, projector, query, query_handler};

use crate::book::BookAdded;

/// A book as the catalog shows it.
#[projection(index(author, title), index(title))]
pub struct BookCatalog {
    #[field(identifier)]
    pub book_id: Id,
    pub title: String,
    pub author: String,
    pub isbn: Option<String>,
    pub price: Decimal,
}

/// Keeps the catalog up to date.
pub struct BookCatalogProjector;

#[projector(projection = BookCatalog)]
impl BookCatalogProjector {
    #[on]
    async fn added(&self, event: BookAdded, ctx: &Context) -> Result {
        let BookAdded { book_id, title, author, isbn, price, .. } = event;
        let row = BookCatalog { book_id, title, author, isbn, price };
        ctx.repository::<BookCatalog>().add(row).await
    }
}

/// The next `limit` books of an author, by title.
#[query(returns = Page<BookCatalog>)]
pub struct BooksByAuthor {
    pub author: String,
    /// `next` of the page before; the first page has none.
    pub after: Option<Cursor>,
    #[field(min_value = 1, max_value = 100)]
    pub limit: u32,
}

/// At most `limit` books whose author and title hold these texts, by title.
#[query(returns = Vec<BookCatalog>)]
pub struct FindBooks {
    pub author: Option<String>,
    pub title: Option<String>,
    #[field(min_value = 1, max_value = 100)]
    pub limit: u32,
}

/// Answers what people ask the catalog.
pub struct BookCatalogQueries;

#[query_handler(projection = BookCatalog)]
impl BookCatalogQueries {
    #[handle]
    async fn by_author(&self, query: BooksByAuthor, ctx: &Context) -> Result<Page<BookCatalog>> {
        ctx.repository::<BookCatalog>()
            .query()
            .filter(BookCatalog::AUTHOR.equals(query.author))
            .order_by(BookCatalog::TITLE.ascending())
            .after(query.after)
            .page(query.limit as usize)
            .await
    }

    #[handle]
    async fn find(&self, query: FindBooks, ctx: &Context) -> Result<Vec<BookCatalog>> {
        let mut books = ctx.repository::<BookCatalog>().query();
        if let Some(author) = &query.author {
            books = books.filter(BookCatalog::AUTHOR.contains(author));
        }
        if let Some(title) = &query.title {
            books = books.filter(BookCatalog::TITLE.contains(title));
        }
        books.order_by(BookCatalog::TITLE.ascending()).limit(query.limit as usize).all().await
    }
}
