//! A library that takes in a file of books while people go on borrowing.
//!
//! You learn how `process_all` queues a file at the priority BULK with bounded memory, how each bad row
//! is named with its line, and that whatever people do goes before the rows that wait. An idempotency key
//! from the row itself makes it harmless to import a file twice. Read `07-priority-scope` next.
#![expect(clippy::print_stdout, reason = "the program shows what it does")]

use std::error::Error;
use std::io::Read;
use std::sync::mpsc;

use protean::prelude::{Context, Domain, Id, Priority, Result, Root, Timestamp};
use protean::{
    DomainBuilder, ImportProgress, Submission, aggregate, aggregate_impl, command, command_handler,
    ensure,
};
use serde::Deserialize;

/// Puts a book on the shelf; one that is there already stays as it is.
#[command(part_of = Book)]
struct AddBook {
    #[field(identifier, min_length = 10, max_length = 13)]
    isbn: Id,
    #[field(max_length = 200, blank = false)]
    title: String,
    #[field(min_value = 1)]
    copies: u32,
}

/// Takes a copy home.
#[command(part_of = Book)]
struct BorrowBook {
    #[field(identifier)]
    isbn: Id,
}

/// A book, and when it came onto the shelf and was borrowed last.
#[aggregate(commands(AddBook, BorrowBook))]
struct Book {
    root: Root<Book>,
    title: String,
    copies: u32,
    added_at: Timestamp,
    borrowed_at: Option<Timestamp>,
}

#[aggregate_impl]
impl Book {}

/// Handles the commands of books, whatever their priority.
struct BookCommandHandler;

#[command_handler(part_of = Book)]
impl BookCommandHandler {
    #[handle]
    async fn add(&self, command: AddBook, ctx: &Context) -> Result {
        let AddBook { isbn, title, copies } = command;
        if ctx.repository::<Book>().find(&isbn).await?.is_some() {
            return Ok(());
        }
        let (root, added_at) = (Root::with_id(isbn), ctx.now());
        let book = Book { root, title, copies, added_at, borrowed_at: None };
        ctx.repository::<Book>().add(book).await
    }

    #[handle]
    async fn borrow(&self, command: BorrowBook, ctx: &Context) -> Result {
        let mut book = ctx.repository::<Book>().get(&command.isbn).await?;
        ensure!(book.copies > 0, "copies" => "of '{}' are all lent", book.title);
        book.copies -= 1;
        book.borrowed_at = Some(ctx.now());
        ctx.repository::<Book>().add(book).await
    }
}

fn library() -> DomainBuilder {
    protean::domain("library")
        .config(include_str!("../domain.toml"))
        .aggregate::<Book>()
        .register(BookCommandHandler)
}

/// A row, as the file has it.
#[derive(Deserialize)]
struct Row {
    isbn: String,
    title: String,
    copies: u32,
}

/// Queues the rows of a CSV file, and says what is wrong with those that cannot be queued.
async fn import(
    library: &Domain,
    file: impl Read + Send + 'static,
) -> Result<(ImportProgress, Vec<String>), Box<dyn Error>> {
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.headers()?.clone();
    let (fault, faults) = mpsc::channel();
    let unreadable = fault.clone();
    let submissions = reader.into_records().filter_map(move |record| {
        let row = record.and_then(|record| {
            let line = record.position().map_or(0, csv::Position::line);
            let Row { isbn, title, copies } = record.deserialize(Some(&header))?;
            let command = AddBook { isbn: isbn.clone().into(), title, copies };
            Ok(Submission::new(command).permanent_idempotency_key(isbn).reference(line))
        });
        // The receiver is there until the last row is read.
        row.map_err(|error| unreadable.send(error.to_string())).ok()
    });
    let progress = library
        .process_all(submissions)
        .priority(Priority::BULK)
        .on_rejected(move |rejected| {
            let _ = fault.send(format!("line {}: {}", rejected.reference, rejected.error));
        })
        .await?;
    Ok((progress, faults.into_iter().collect()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let library = library().build()?;
    let file = std::env::args().nth(1);
    let file: Box<dyn Read + Send> = match &file {
        Some(path) => Box::new(std::fs::File::open(path)?),
        None => Box::new(include_bytes!("../books.csv").as_slice()),
    };
    let (progress, faults) = import(&library, file).await?;
    println!("{} books are queued, {} rows are not:", progress.accepted, faults.len());
    faults.iter().for_each(|fault| println!("  {fault}"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::time::Duration;

    use protean::Server;

    use super::{AddBook, Book, BorrowBook, import, library};

    #[tokio::test]
    async fn a_reader_goes_before_the_thousand_rows_that_wait() {
        let library = library().build().unwrap();
        let isbn = || "9780141439587".into();
        let emma = AddBook { isbn: isbn(), title: "Emma".to_owned(), copies: 1 };
        library.process(emma).synchronous().await.unwrap();
        let rows = (0..1_000).map(|row| format!("{row:010},Volume {row},1\n"));
        let file = Cursor::new(format!("isbn,title,copies\n{}", rows.collect::<String>()));
        let (progress, faults) = import(&library, file).await.unwrap();
        assert_eq!((progress.accepted, faults.len()), (1_000, 0));
        let borrow = library.process(BorrowBook { isbn: isbn() }).keep_outcome();
        let receipt = borrow.receipt().await.unwrap();
        let books = library.repository::<Book>().await.unwrap();
        let all_is_done = async {
            receipt.outcome().await.unwrap();
            while books.query().count().await.unwrap() < 1_001 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let server = Server::new(library.clone()).run(all_is_done);
        tokio::time::timeout(Duration::from_secs(60), server).await.unwrap().unwrap();
        let borrowed_at = books.get(&isbn()).await.unwrap().borrowed_at.unwrap();
        let before = books.query().filter(Book::ADDED_AT.below(borrowed_at));
        let rows = before.count().await.unwrap() - 1;
        assert!(rows < 100, "{rows} rows were there before the reader had the book");
    }

    #[tokio::test]
    async fn bad_rows_are_named_with_their_line_and_the_others_queued_once() {
        let library = library().build().unwrap();
        let file = || include_bytes!("../books.csv").as_slice();
        let (progress, faults) = import(&library, file()).await.unwrap();
        assert_eq!((progress.accepted, progress.rejected), (3, 1));
        let [rejected, unreadable] = &faults[..] else { panic!("{faults:?}") };
        assert!(unreadable.contains("line: 5"), "{unreadable}");
        assert_eq!(rejected, "line 4: title: is required");
        let (progress, _) = import(&library, file()).await.unwrap();
        assert_eq!((progress.accepted, progress.duplicate), (0, 3), "the second time");
    }
}
