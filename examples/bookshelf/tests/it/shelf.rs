//! Books one by one, and the catalog that people ask.

use bookshelf::book::{AddBook, Book};
use bookshelf::catalog::{BookCatalog, BooksByAuthor};
use protean::{Domain, Page};

const AT_ONCE: &str = "
    event_processing = \"sync\"
    databases.default.provider = \"memory\"
";

fn shelf() -> Domain {
    bookshelf::domain().config(AT_ONCE).build().unwrap()
}

fn book(title: &str, author: &str) -> AddBook {
    let (book_id, price) = (Book::identity(None, title, author), 9.into());
    let (title, author) = (title.to_owned(), author.to_owned());
    AddBook { book_id, title, author, isbn: None, price, description: None }
}

#[tokio::test]
async fn the_catalog_lists_an_author_by_title() {
    let shelf = shelf();
    for (title, author) in
        [("Dune", "Herbert"), ("Solaris", "Lem"), ("Fiasco", "Lem"), ("Eden", "Lem")]
    {
        shelf.process(book(title, author)).synchronous().await.unwrap();
    }
    let query = |after, limit| BooksByAuthor { author: "Lem".into(), after, limit };
    let titles = |page: &Page<BookCatalog>| -> Vec<String> {
        page.rows.iter().map(|row| row.title.clone()).collect()
    };
    let first = shelf.dispatch(query(None, 2)).await.unwrap();
    assert_eq!(titles(&first), ["Eden", "Fiasco"]);
    let last = shelf.dispatch(query(first.next, 2)).await.unwrap();
    assert_eq!((titles(&last), last.next), (vec!["Solaris".to_owned()], None));
    let query = query(None, 0);
    assert!(shelf.dispatch(query).await.unwrap_err().is_invalid());
}

#[tokio::test]
async fn a_book_that_is_there_stays_as_it_is() {
    let shelf = shelf();
    let first = book("Dune", "Herbert");
    let id = first.book_id.clone();
    let changed = AddBook { price: 1.into(), ..first.clone() };
    for command in [first, changed] {
        shelf.process(command).synchronous().await.unwrap();
    }
    let kept = shelf.repository::<Book>().await.unwrap().get(&id).await.unwrap();
    assert!(kept.price == 9);
}

#[test]
fn an_identity_belongs_to_the_isbn_else_to_title_and_author() {
    let of = Book::identity;
    assert_eq!(of(Some("007"), "One", "A"), of(Some("007"), "Two", "B"));
    assert_ne!(of(Some("007"), "One", "A"), of(Some("7"), "One", "A"));
    assert_eq!(of(None, "One", "A"), of(None, "One", "A"));
    assert_ne!(of(None, "One", "A"), of(None, "OneA", ""));
}
