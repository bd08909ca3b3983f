//! The core of Protean for Rust: what a domain declares, and how it runs.
//!
//! ```text
//! domain ─▶ handling ─▶ unit ─▶ catalog ─▶ model
//! ```
//!
//! * [`domain`]: the front door: build a domain, process commands, ask queries
//! * [`handling`]: run one message and settle what came of it
//! * [`unit`](mod@unit): one unit of work: what a handler reads and changes
//! * [`catalog`]: what a domain declares, pure
//! * [`model`]: what a user declares; pure and synchronous
//! * [`config`]: `domain.toml`, resolved once
//!
//! Each room looks only down. Messages, ports and the in-memory adapter are
//! below, in `protean-port`.

pub mod catalog;
pub mod config;
pub mod domain;
pub mod handling;
pub mod model;
mod nearest;
pub mod unit;
