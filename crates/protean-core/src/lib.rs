//! The heart of Protean: six rooms, each of which looks only down.
//!
//! ```text
//! domain ─▶ model ─▶ message
//! domain ─▶ port  ──▶ message ◀─ memory ─▶ port
//! config   stands alone; domain reads it
//! ```
//!
//! * [`message`]: what travels and what is kept; no async, no I/O
//! * [`model`]: what a user declares; pure and synchronous
//! * [`port`]: what is needed from outside
//! * [`memory`]: the ports in memory
//! * [`config`]: `domain.toml`, resolved once
//! * [`domain`]: how declarations run
//!
//! The one thing every room shares is [`Error`].

pub mod config;
pub mod domain;
pub mod error;
pub mod memory;
pub mod message;
pub mod model;
mod nearest;
pub mod port;

pub use error::{Error, Result, Violations};
