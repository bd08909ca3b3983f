//! Pages of an author's books, among 300,000.

use std::collections::HashSet;

use bookshelf::book::AddBook;
use bookshelf::catalog::{BookCatalog, BooksByAuthor};
use protean::prelude::Id;
use protean::{Cursor, Domain};
use protean_test_servers::Postgres;

const BOOKS: usize = 300_000;
const AUTHORS: usize = 1_000;
/// Inserts the row of each number `n`; two books of an author in three share a title.
const ROWS: &str = "INSERT INTO book_catalog (_version, book_id, title, author, price)
    SELECT 0, 'b' || n, 'title ' || (n / 3000), 'author ' || (n % 1000), 9.99 FROM numbers";

async fn shelf(database: &str) -> Domain {
    let config = format!("event_processing = \"sync\"\n{database}");
    let shelf = bookshelf::domain().config(&config).build().unwrap();
    shelf.store().await.unwrap();
    shelf
}

/// Reads all pages of an author, who gets a book in front of them after each page.
async fn assert_read_by_index(shelf: &Domain) {
    let author = || "author 417".to_owned();
    let query = |after| BooksByAuthor { author: author(), after, limit: 20 };
    let (mut seen, mut after): (HashSet<Id>, Option<Cursor>) = (HashSet::new(), None);
    loop {
        let page = shelf.dispatch(query(after)).await.unwrap();
        assert!(page.rows.iter().all(|book| seen.insert(book.book_id.clone())), "a book twice");
        let (book_id, price, title) = (Id::new(), 9.into(), "A title in front".to_owned());
        let book =
            AddBook { book_id, title, author: author(), isbn: None, price, description: None };
        shelf.process(book).synchronous().await.unwrap();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), BOOKS / AUTHORS);
    let middle = shelf.dispatch(query(None)).await.unwrap().next;
    let catalog = shelf.repository::<BookCatalog>().await.unwrap();
    let books = catalog.query().filter(BookCatalog::AUTHOR.equals(author()));
    let books = books.order_by(BookCatalog::TITLE.ascending()).after(middle).limit(20);
    let plan = books.explain().await.unwrap();
    assert!(plan.contains("book_catalog.index(author, title)"), "{plan}");
    assert!(!plan.contains("Seq Scan") && !plan.contains("SCAN book_catalog"), "{plan}");
}

#[tokio::test]
async fn are_read_by_index_on_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shelf.db");
    let shelf = shelf(&format!(
        "databases.default = {{ provider = \"sqlite\", database_uri = 'sqlite:{}' }}",
        file.display()
    ))
    .await;
    let numbers = format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {}) ",
        BOOKS - 1
    );
    let database = rusqlite::Connection::open(file).unwrap();
    let (head, rows) = ROWS.split_once("SELECT").unwrap();
    database.execute(&format!("{head} {numbers} SELECT {rows}"), []).unwrap();
    assert_read_by_index(&shelf).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn are_read_by_index_on_a_database_server() {
    let database = Postgres::shared().database();
    let shelf = shelf(&format!(
        "databases.default = {{ provider = \"postgresql\", database_uri = '{}' }}",
        database.uri()
    ))
    .await;
    let numbers = format!("generate_series(0, {}) AS numbers(n)", BOOKS - 1);
    database.run(&ROWS.replace("numbers", &numbers));
    database.run("ANALYZE book_catalog");
    assert_read_by_index(&shelf).await;
}
