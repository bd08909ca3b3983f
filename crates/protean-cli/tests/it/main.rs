//! The program `protean`, as people call it.
//!
//! * [`call`]: one call, and what came of it
//! * [`domains`]: what it hands over to the bank's own program
//! * [`refusals`]: what it does not find, and what it says then
//! * [`starter`]: a new domain

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod call;
mod domains;
mod refusals;
mod starter;
