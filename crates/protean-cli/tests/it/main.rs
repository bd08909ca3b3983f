//! The program `protean`, called as users call it.
//!
//! * [`call`]: one call and its output
//! * [`domains`]: what it hands over to the bank's own program
//! * [`refusals`]: what it refuses, and with which message
//! * [`starter`]: creating a new domain
//! * [`tables`]: comparing and changing the tables

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod call;
mod domains;
mod refusals;
mod starter;
mod tables;
