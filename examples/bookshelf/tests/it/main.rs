//! What the bookshelf promises.
//!
//! * [`shelf`]: books one by one, and the catalog that people ask
//! * [`catalogs`]: files good and bad, row by row
//! * [`commands`]: what no command ever shows: secrets, and what commands a terminal
//! * [`imports`]: the program imports: again, beside a server, for a person
//! * [`configurations`]: files that are wrong, and what is said about them
//! * [`shop`]: a folder and the program in it, for the other modules

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod catalogs;
mod commands;
mod configurations;
mod imports;
mod shelf;
mod shop;
