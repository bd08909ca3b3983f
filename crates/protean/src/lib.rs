//! Protean for Rust.
