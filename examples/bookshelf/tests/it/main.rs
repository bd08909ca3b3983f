//! What the bookshelf promises.
//!
//! * [`book`]: what a book is, and what follows when one is added
//! * [`shelf`]: books one by one, and the catalog that people ask
//! * [`catalogs`]: files good and bad, row by row
//! * [`commands`]: what no command ever shows: secrets, and what commands a terminal
//! * [`imports`]: the program imports: again, beside a server, for a person
//! * [`configurations`]: files that are wrong, and what is said about them
//! * [`pages`]: pages of an author among 300,000 books
//! * [`partner`]: orders through another shop
//! * [`placing`]: orders one by one, in memory
//! * [`orders`]: orders over HTTP, from the request to what became of them
//! * [`requests`]: requests that are wrong, and what is answered
//! * [`serving`]: starting, stopping, and one process beside another
//! * [`load`]: the program that measures
//! * [`web`]: a shop that listens, and a client for it
//! * [`shop`]: a folder and the program in it, for the other modules

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod book;
mod catalogs;
mod commands;
mod configurations;
mod imports;
mod load;
mod orders;
mod pages;
mod partner;
mod placing;
mod requests;
mod serving;
mod shelf;
mod shop;
mod web;
