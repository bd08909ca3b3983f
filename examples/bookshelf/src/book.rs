//! Books and how they come onto the shelf.

use protean::prelude::{Context, Decimal, Id, Result, Root};
use protean::{aggregate, aggregate_impl, command, command_handler, event};

/// A book.
#[aggregate(commands(AddBook))]
pub struct Book {
    root: Root<Book>,
    #[field(max_length = 200, blank = false)]
    pub title: String,
    #[field(max_length = 150, blank = false)]
    pub author: String,
    #[field(max_length = 13, blank = false)]
    pub isbn: Option<String>,
    #[field(min_value = 0, default = 0)]
    pub price: Decimal,
    pub description: Option<String>,
}

/// A book came onto the shelf.
#[event(part_of = Book)]
pub struct BookAdded {
    pub book_id: Id,
    pub title: String,
    pub author: String,
    pub isbn: Option<String>,
    pub price: Decimal,
    pub description: Option<String>,
}

/// Puts a book onto the shelf; one that is there already stays as it is.
/// [`Book::identity`] gives the identity of a record of another system.
#[command(part_of = Book)]
pub struct AddBook {
    #[field(identifier)]
    pub book_id: Id,
    #[field(max_length = 200, blank = false)]
    pub title: String,
    #[field(max_length = 150, blank = false)]
    pub author: String,
    #[field(max_length = 13, blank = false)]
    pub isbn: Option<String>,
    #[field(min_value = 0, default = 0)]
    pub price: Decimal,
    pub description: Option<String>,
}

#[aggregate_impl]
impl Book {
    /// The identity that belongs to a record: of its ISBN, else of title and
    /// author, so that the same record names the same book each time.
    pub fn identity(isbn: Option<&str>, title: &str, author: &str) -> Id {
        match isbn {
            Some(isbn) => Id::derived("isbn", isbn),
            // With the length in front, no other title and author give the same text.
            None => Id::derived("title and author", &format!("{}:{title}{author}", title.len())),
        }
    }

    /// A new book.
    ///
    /// # Errors
    /// When a field breaks its rules.
    pub fn add(command: AddBook) -> Result<Self> {
        let AddBook { book_id, title, author, isbn, price, description } = command;
        let event = BookAdded {
            book_id: book_id.clone(),
            title: title.clone(),
            author: author.clone(),
            isbn: isbn.clone(),
            price,
            description: description.clone(),
        };
        let root = Root::with_id(book_id);
        let mut book = Self { root, title, author, isbn, price, description };
        book.raise(event)?;
        Ok(book)
    }
}

/// Handles the commands of books.
pub struct BookCommandHandler;

#[command_handler(part_of = Book)]
impl BookCommandHandler {
    #[handle]
    async fn add_book(&self, command: AddBook, ctx: &Context) -> Result {
        let books = ctx.repository::<Book>();
        if books.find(&command.book_id).await?.is_none() {
            books.add(Book::add(command)?).await?;
        }
        Ok(())
    }
}
