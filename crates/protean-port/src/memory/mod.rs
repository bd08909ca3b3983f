//! The ports in memory: a store of its own right, for tests and for services
//! that may forget everything when they stop.
//!
//! ```text
//! provider ─▶ store ─▶ unit ──▶ log · rows · ledger · letters · keys   (what is kept)
//!                                      rows ─▶ compare (how values sort)
//! ```
//!
//! All of it sits in one state behind one lock, held for one commit or one read
//! at a time and never across an await. A unit writes through a journal that
//! undoes itself, so it is applied whole or not at all.

mod compare;
mod dead_letters;
mod find;
mod keys;
mod ledger;
mod log;
mod provider;
mod rows;
mod store;
mod unit;

pub use provider::MemoryProvider;
pub use store::MemoryStore;
