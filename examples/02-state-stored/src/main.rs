//! A library whose books are rows in one SQLite file.
//!
//! You learn how an aggregate is stored as a row, with limits on its fields, a unique column, states
//! that follow each other, and queries. `domain.toml` names the file, and the first command creates the
//! tables. Run it twice to see the unique column at work, and read `03-projection-and-query` next.
#![expect(clippy::print_stdout, reason = "the program shows what it does")]

use std::error::Error;

use protean::prelude::{Context, Domain, Id, Result, Root};
use protean::{
    DomainBuilder, aggregate, aggregate_impl, command, command_handler, ensure, value_object,
};

/// Where a book is. A book that is lost is never lent again.
#[value_object]
#[derive(Clone, Copy, Debug, PartialEq)]
#[transitions(OnShelf => [Lent, Lost], Lent => [OnShelf, Lost])]
enum Place {
    OnShelf,
    Lent,
    Lost,
}

/// Puts a new book on the shelf, and answers with its identity.
#[command(part_of = Book, returns = Id)]
struct AddBook {
    isbn: String,
    title: String,
}

/// Says where a book is now.
#[command(part_of = Book)]
struct MoveBook {
    #[field(identifier)]
    book_id: Id,
    to: Place,
}

/// A book: one row of the table `book`.
#[aggregate(commands(AddBook, MoveBook))]
struct Book {
    root: Root<Book>,
    #[field(unique, min_length = 10, max_length = 13)]
    isbn: String,
    #[field(max_length = 200, blank = false)]
    title: String,
    #[field(index)]
    place: Place,
}

#[aggregate_impl]
impl Book {
    fn move_to(&mut self, place: Place) -> Result {
        ensure!(self.place != place, "place" => "'{}' is there already", self.title);
        self.place = place;
        Ok(())
    }
}

/// Handles the commands of books.
struct BookCommandHandler;

#[command_handler(part_of = Book)]
impl BookCommandHandler {
    #[handle]
    async fn add(&self, command: AddBook, ctx: &Context) -> Result<Id> {
        let AddBook { isbn, title } = command;
        let book = Book { root: Root::new(), isbn, title, place: Place::OnShelf };
        let id = book.id();
        ctx.repository::<Book>().add(book).await?;
        Ok(id)
    }

    #[handle]
    async fn move_book(&self, command: MoveBook, ctx: &Context) -> Result {
        let books = ctx.repository::<Book>();
        let mut book = books.get(&command.book_id).await?;
        book.move_to(command.to)?;
        books.add(book).await
    }
}

fn library(settings: &str) -> DomainBuilder {
    protean::domain("library").config(settings).aggregate::<Book>().register(BookCommandHandler)
}

/// The titles on the shelf, in alphabetical order.
async fn on_shelf(library: &Domain) -> Result<Vec<String>> {
    let books = library.repository::<Book>().await?;
    let on_shelf = books.query().filter(Book::PLACE.equals(Place::OnShelf));
    let books = on_shelf.order_by(Book::TITLE.ascending()).all().await?;
    Ok(books.into_iter().map(|book| book.title).collect())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let library = library(include_str!("../domain.toml")).build()?;
    let emma = AddBook { isbn: "9780141439587".to_owned(), title: "Emma".to_owned() };
    match library.process(emma).synchronous().await {
        Ok(id) => println!("Added Emma as {id}."),
        Err(refused) => println!("Emma was not added: {refused}."),
    }
    println!("On the shelf: {}", on_shelf(&library).await?.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use protean::prelude::{Domain, Error, Id, Result};
    use tempfile::TempDir;

    use super::{AddBook, MoveBook, Place, library, on_shelf};

    fn library_in(folder: &TempDir) -> Domain {
        let file = folder.path().join("library.db");
        let uri = format!("sqlite:{}", file.display());
        let settings = include_str!("../domain.toml");
        library(&settings.replace("${DATABASE_URI|sqlite:library.db}", &uri)).build().unwrap()
    }

    async fn add(library: &Domain, isbn: &str, title: &str) -> Result<Id> {
        let command = AddBook { isbn: isbn.to_owned(), title: title.to_owned() };
        library.process(command).synchronous().await
    }

    async fn move_to(library: &Domain, book_id: &Id, to: Place) -> Result<(), Error> {
        library.process(MoveBook { book_id: book_id.clone(), to }).synchronous().await
    }

    #[tokio::test]
    async fn books_are_there_when_the_program_starts_again() {
        let folder = TempDir::new().unwrap();
        let library = library_in(&folder);
        add(&library, "9780141439587", "Emma").await.unwrap();
        let lent = add(&library, "9780141439686", "Persuasion").await.unwrap();
        move_to(&library, &lent, Place::Lent).await.unwrap();
        drop(library);
        let library = library_in(&folder);
        assert_eq!(on_shelf(&library).await.unwrap(), ["Emma"]);
        move_to(&library, &lent, Place::OnShelf).await.unwrap();
        assert_eq!(on_shelf(&library).await.unwrap(), ["Emma", "Persuasion"]);
    }

    #[tokio::test]
    async fn no_two_books_have_one_isbn() {
        let folder = TempDir::new().unwrap();
        let library = library_in(&folder);
        add(&library, "9780141439587", "Emma").await.unwrap();
        let refused = add(&library, "9780141439587", "Another Emma").await.unwrap_err();
        assert_eq!(refused.violations().unwrap().get("isbn").len(), 1, "{refused}");
        let refused = add(&library, "978", "").await.unwrap_err();
        let faults: Vec<&str> = refused.violations().unwrap().iter().map(|(of, _)| of).collect();
        assert_eq!(faults, ["isbn", "title"], "all that is wrong is said at once");
    }

    #[tokio::test]
    async fn a_lost_book_is_never_lent() {
        let folder = TempDir::new().unwrap();
        let library = library_in(&folder);
        let emma = add(&library, "9780141439587", "Emma").await.unwrap();
        move_to(&library, &emma, Place::Lost).await.unwrap();
        let refused = move_to(&library, &emma, Place::Lent).await.unwrap_err();
        assert_eq!(refused.violations().unwrap().get("place").len(), 1, "{refused}");
    }
}
