//! The ports in memory: a full store for tests, and for services that may lose all data
//! when they stop.
//!
//! ```text
//! provider ─▶ store ─▶ commit ─▶ log · rows · ledger · dead_letters · keys   (what a unit writes)
//!                                  └▶ unit ─▶ state ─▶ messages · tables · groups
//! ```
//!
//! One lock guards the state. It is held for one commit or one read, never across an await.
//! A unit writes through a journal that can undo it, so it is applied as a whole or not at
//! all.

mod commit;
mod dead_letters;
mod find;
mod groups;
mod intake;
mod keys;
mod ledger;
mod log;
mod messages;
mod provider;
mod rebuild;
mod rows;
mod schedules;
mod state;
mod store;
mod tables;
mod unit;

pub use provider::MemoryProvider;
pub use store::MemoryStore;
