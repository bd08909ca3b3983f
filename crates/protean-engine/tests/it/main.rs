//! The engine from outside.
//!
//! * `lanes`: what the scheduler promises, in simulated time
//! * `serve`: a server drains what is in the log; accounts close
//! * `order`: messages of one aggregate, across lanes and retries
//! * `faults`: handlers that fail, panic or are refused by the database
//! * `snapshots`: snapshots among units that commit together
//! * `two_aggregates`: one handler, two categories
//! * `versions`: messages of other versions in the log
//! * `simulation`, `tallies`: what the others run on

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod faults;
mod lanes;
mod order;
mod serve;
mod simulation;
mod snapshots;
mod tallies;
mod two_aggregates;
mod versions;
