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

#[cfg(not(unix))]
compile_error!(
    "Protean for Rust runs on Linux and other Unix systems: it needs their signals, file locks and \
     processes. On Windows, build and run it in the Windows Subsystem for Linux."
);

pub mod error;
pub mod memory;
pub mod message;
pub mod port;

pub use error::{Error, Result, Violations};
