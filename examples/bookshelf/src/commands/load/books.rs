//! Invented books: one for each number, the same in every run.

use bookshelf::book::{AddBook, Book};
use protean::Decimal;

const WHAT: [&str; 8] =
    ["Garden", "Winter", "Letters", "Voyage", "Shadow", "Bridge", "Orchard", "Silence"];
const WHOSE: [&str; 7] =
    ["the North", "Lisbon", "a Stranger", "the River", "Tomorrow", "Two Sisters", "the Moon"];
const FIRST: [&str; 6] = ["Ada", "Bruno", "Chiara", "Dilip", "Edda", "Farid"];
const LAST: [&str; 11] = [
    "Lindqvist",
    "Okafor",
    "Moreau",
    "Tanaka",
    "Novak",
    "Silva",
    "Haddad",
    "Byrne",
    "Kaya",
    "Rossi",
    "Weber",
];

/// The book with this number.
pub(super) fn book(number: u32) -> AddBook {
    let of = |words: &[&'static str]| words[number as usize % words.len()];
    let title = format!("{} of {}, volume {number}", of(&WHAT), of(&WHOSE));
    let author = format!("{} {}", of(&FIRST), of(&LAST));
    let isbn = format!("{number:013}");
    let book_id = Book::identity(Some(&isbn), &title, &author);
    let price = Decimal::new(499 + i64::from(number % 3000), 2);
    AddBook { book_id, title, author, isbn: Some(isbn), price, description: None }
}
