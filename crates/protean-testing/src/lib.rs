//! What tests of Protean need.
//!
//! * [`contract`]: the facts that hold for every adapter of the ports

pub mod contract;
