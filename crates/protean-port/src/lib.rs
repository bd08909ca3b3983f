//! What an adapter of Protean for Rust is written against: messages, the ports, and
//! the adapter in memory.
//!
//! ```text
//! memory ─▶ port ─▶ message
//! ```
//!
//! * [`message`]: what travels and what is kept; no async, no I/O
//! * [`port`]: what is needed from outside: a store, a broker, a clock
//! * [`memory`]: the ports in memory
//!
//! An adapter for another database or broker implements [`port::Store`] or
//! [`port::Broker`] and passes the conformance suite of its port.

pub mod error;
pub mod memory;
pub mod message;
pub mod port;

pub use error::{Error, Result, Violations};
