use bookshelf::book::{AddBook, Book};
use protean::prelude::*;
use protean::{ImportProgress, Submission};

/// A row of the file.
#[derive(Clone)]
struct Row {
    line: u64,
    title: String,
    author: String,
    isbn: String,
    price: Decimal,
}

async fn import_catalog(shelf: &Domain, rows: Vec<Row>) -> Result<ImportProgress> {
    let books = rows.into_iter().map(|row| {
        let book_id = Book::identity(Some(&row.isbn), &row.title, &row.author);
        let add = AddBook {
            book_id: book_id.clone(),
            title: row.title,
            author: row.author,
            isbn: Some(row.isbn),
            price: row.price,
            description: None,
        };
        Submission::new(add).permanent_idempotency_key(book_id.as_str()).reference(row.line)
    });
    shelf
        .process_all(books)
        .priority(Priority::BULK)
        .on_progress(|progress| eprintln!("{} books sent", progress.accepted))
        .on_rejected(|rejected| eprintln!("line {}: {}", rejected.reference, rejected.error))
        .await
}

#[tokio::test]
async fn a_bad_row_costs_one_row_and_a_second_import_adds_nothing()
-> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("shelf.db");
    let shelf = bookshelf::domain_on(&format!("sqlite:{}", file.display())).build()?;
    let row = |line: u64, title: &str| Row {
        line,
        title: title.to_owned(),
        author: "Jane Austen".to_owned(),
        isbn: format!("97801414395{line:02}"),
        price: Decimal::new(790, 2),
    };
    let rows = vec![row(2, "Emma"), row(3, ""), row(4, "Persuasion")];
    let first = import_catalog(&shelf, rows.clone()).await?;
    assert_eq!((first.accepted, first.duplicate, first.rejected), (2, 0, 1));
    let again = import_catalog(&shelf, rows).await?;
    assert_eq!((again.accepted, again.duplicate, again.rejected), (0, 2, 1));
    Ok(())
}
