//! The orders of the shop.
//!
//! * `story`: what happens to one order, whatever goes wrong
//! * `checkout`: an order from the transaction of another program
//! * `simulation`: many orders, in any order of events, with clocks that jump
//! * `storm`: the real program on a file and on servers, whose workers are killed

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod accounts;
mod checkout;
mod simulation;
#[cfg(unix)]
mod storm;
mod story;
