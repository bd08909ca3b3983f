//! The program `protean`, called as users call it.
//!
//! * [`call`]: one call and its output
//! * [`chapter`]: the first chapter of the guide, typed step by step
//! * [`domains`]: what it hands over to the bank's own program
//! * [`refusals`]: what it refuses, and with which message
//! * [`starter`]: creating a new domain
//! * [`tables`]: comparing and changing the tables
//! * [`web`]: a program that serves HTTP

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod call;
mod chapter;
mod domains;
mod refusals;
mod starter;
mod tables;
mod web;
