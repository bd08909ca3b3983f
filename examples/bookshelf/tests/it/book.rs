//! What a book is, and what follows when one is added.

use bookshelf::book::{AddBook, Book, BookAdded};
use bookshelf::catalog::BookCatalog;
use protean::Id;
use protean_testing::{TestDomain, when_new};

fn adding() -> AddBook {
    AddBook {
        book_id: Id::from("dune"),
        title: "Dune".into(),
        author: "Frank Herbert".into(),
        isbn: None,
        price: 9.into(),
        description: None,
    }
}

fn added() -> BookAdded {
    let AddBook { book_id, title, author, isbn, price, description } = adding();
    BookAdded { book_id, title, author, isbn, price, description }
}

fn shown() -> BookCatalog {
    let BookAdded { book_id, title, author, isbn, price, .. } = added();
    BookCatalog { book_id, title, author, isbn, price }
}

#[test]
fn a_book_is_added_with_all_its_fields() {
    when_new(|| Book::add(adding()))
        .then([added()])
        .then_state(|book| assert_eq!((book.title.as_str(), book.id()), ("Dune", "dune".into())));
}

#[test]
fn a_book_needs_a_title_and_a_price_that_is_none_of_the_buyers() {
    let untitled = AddBook { title: " ".into(), ..adding() };
    when_new(|| Book::add(untitled)).then_rejected("title");
    let paid_for = AddBook { price: (-1).into(), ..adding() };
    when_new(|| Book::add(paid_for)).then_rejected("price");
}

#[test]
fn a_book_on_the_shelf_is_in_the_catalog() {
    let shelf = TestDomain::new(bookshelf::domain());
    shelf.when(adding()).then([added()]).then_row(shown());
    shelf.when(AddBook { price: 1.into(), ..adding() }).then_nothing().then_row(shown());
}

#[test]
fn the_catalog_follows_the_events_alone() {
    TestDomain::new(bookshelf::domain()).when_event("dune", added()).then_row(shown());
}
