//! Protean for Rust on Redis Streams, version 6.2 or later: a single server, or a
//! primary with replicas, but not a cluster.
//!
//! ```text
//! Broker ─▶ publish, settle, hold, … ─▶ shared (one connection for all)  ─┐
//!             script ─▶ lua/*.lua, an atomic step each                    ├▶ server
//! Consumer::read ─▶ reader (a connection for each consumer, may block) ───┘
//! ```
//!
//! * `location` reads a URI, `server` connects, `check` decides whether the server can be
//!   relied on
//! * `error` turns what Redis reports into errors that name the fix
//! * `pubsub` is publish and subscribe, which stores nothing
//!
//! A Redis user with limited rights needs the commands listed in `check`, on the keys of
//! the streams and on `protean:mark:*`.

mod advice;
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
