//! The bank as its operators see it: the real program, on a real file.
//!
//! * [`bank`]: a bank of one's own for each test
//! * [`demo`]: the scene of the document
//! * [`migration`]: the great migration, from export to verdict
//! * [`endurance`]: killed time after time, and nothing lost
//! * [`backlog`]: what waits is seen without a server, and shared by producers
//! * [`stops`]: killed in the middle of its work, or asked to stop
//! * [`tools`]: what operators do beside the server

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod backlog;
mod bank;
mod demo;
mod endurance;
mod migration;
mod stops;
mod tools;
