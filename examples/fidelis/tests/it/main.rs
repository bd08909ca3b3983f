//! The bank, in two halves: its rules, and the real program on a real file as
//! its operators see it.
//!
//! * [`account`]: what an account does and refuses
//! * [`counter`]: commands and the summary that follows
//! * `audit`: a service in Protean for Python on the same Redis
//! * [`bank`]: a bank of one's own for each test
//! * [`demo`]: the scene of the document
//! * [`migration`]: the great migration, from export to verdict
//! * [`endurance`]: killed time after time, and nothing lost
//! * [`backlog`]: what waits is seen without a server, and shared by producers
//! * `branch`: a bank whose messages travel through Redis
//! * `lanes`: what is seen of the lanes with the tools of Redis and of SQL
//! * `rebuilds`: a projection rebuilt, its handler renamed; `refused`: why a server cannot start
//! * `renewal`: a new version is put in place, and the servers go on with it
//! * `secrets`: a password shows nowhere
//! * [`servers`]: two servers of the bank on PostgreSQL
//! * `storm`: everything dies, in production
//! * [`stops`]: killed in the middle of its work, or asked to stop
//! * [`dead_letters`]: what was given up, mended and run again
//! * [`events`]: what operators read in the log; `follow`: and while it grows
//! * [`lock`]: the committed forms of its messages; [`contracts`]: what others rely on
//! * [`health`]: the server's health over HTTP
//! * [`tools`]: what operators do beside the server
//! * [`workers`]: several server processes, and their supervisor

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod account;
#[cfg(unix)]
mod audit;
mod backlog;
mod bank;
#[cfg(unix)]
mod branch;
mod contracts;
mod counter;
mod dead_letters;
mod demo;
mod endurance;
mod events;
#[cfg(unix)]
mod follow;
mod health;
#[cfg(unix)]
mod lanes;
mod lock;
mod migration;
#[cfg(unix)]
mod rebuilds;
#[cfg(unix)]
mod refused;
#[cfg(target_os = "linux")]
mod renewal;
#[cfg(unix)]
mod secrets;
#[cfg(unix)]
mod servers;
mod stops;
#[cfg(unix)]
mod storm;
mod tools;
#[cfg(unix)]
mod workers;
