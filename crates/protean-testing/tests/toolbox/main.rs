//! The toolbox for domains: what holds passes, and what does not hold fails the
//! test where it stands.
//!
//! * [`bank`]: the domain of these tests
//! * [`failure`]: catches a failure, with its place
//! * [`aggregates`]: event-sourced and state-stored aggregates
//! * [`handlers`]: command handlers, event handlers, projectors
//! * [`keys`]: idempotency keys of commands that handlers issue
//! * [`own_tables`]: a handler that runs SQL of its own, on a file
//! * [`processes`]: process managers; [`changed_processes`]: of another version of the program
//! * [`still`]: the clock and the identities; [`timers`]: what comes when it is moved
//! * [`ui`]: what the compiler says

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod aggregates;
mod bank;
mod changed_processes;
mod failure;
mod handlers;
mod keys;
mod own_tables;
mod processes;
mod still;
mod timers;
mod ui;
