//! Protean for Rust on Redis Streams, from version 6.2 on: one server, or one
//! primary with replicas; no cluster.
//!
//! ```text
//! Broker ─▶ publish, settle, hold, … ─▶ shared (one connection for all)  ─┐
//!             script ─▶ lua/*.lua, a whole step each                      ├▶ server
//! Consumer::read ─▶ reader (a connection for each consumer, may block) ───┘
//! ```
//!
//! * a location: `location` reads it, `server` connects, `check` looks whether what
//!   answers can be relied on
//! * what Redis reports, told for a person: `error`
//! * publish and subscribe, which keeps nothing: `pubsub`
//!
//! A user of Redis with limited rights needs the commands in `check` on the keys of
//! its streams and on `protean:mark:*`.

mod broker;
mod check;
mod entry;
mod error;
mod location;
mod provider;
mod publish;
mod pubsub;
mod reader;
mod script;
mod server;
mod shared;

pub use provider::{Redis, RedisPubsub};
