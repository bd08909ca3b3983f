//! The engine from outside.
//!
//! * `lanes`: what the scheduler promises, in simulated time
//! * `serve`: a server drains what is in the log; accounts close
//! * `order`: messages of one aggregate, across lanes and retries
//! * `faults`: handlers that fail, panic or are refused by the database
//! * `breakers`: a handler that fails time after time is left alone
//! * `letters`: what is dead can be replayed and purged
//! * `suspects`: an abrupt end of the process, and who is to blame
//! * `processes`: the same with real processes
//! * `crashes`: and with a process that ends at one step of its work
//! * `kills`: and with one that is killed or stopped with handlers in flight
//! * `keys`: names of senders, and what is forgotten
//! * `two_aggregates`: one handler, two categories
//! * `simulation`, `tallies`, `child`: what the others run on

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod breakers;
mod child;
mod crashes;
mod faults;
mod keys;
mod kills;
mod lanes;
mod letters;
mod order;
mod processes;
mod serve;
mod simulation;
mod suspects;
mod tallies;
mod two_aggregates;
