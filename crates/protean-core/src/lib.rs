//! The core of Protean for Rust: what a domain declares, and how it runs.
//!
//! * [`model`]: what a user declares; pure and synchronous
//! * [`config`]: `domain.toml`, resolved once
//! * [`domain`]: how declarations run
//!
//! Messages, ports and the in-memory adapter are below, in `protean-port`.

pub mod config;
pub mod domain;
pub mod model;
mod nearest;
