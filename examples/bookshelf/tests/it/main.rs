//! What the bookshelf promises.
//!
//! * [`book`]: what a book is, and what follows when one is added
//! * [`shelf`]: books one by one, and the catalog that people ask
//! * [`catalogs`]: files good and bad, row by row
//! * [`imports`]: the program imports: again, beside a server, for a person
//! * [`configurations`]: files that are wrong, and what is said about them
//! * [`shop`]: a folder and the program in it, for the other modules

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod book;
mod catalogs;
mod configurations;
mod imports;
mod shelf;
mod shop;
