//! What the adapters of Protean for Rust to SQL databases share, without a driver.
//!
//! ```text
//! select, condition, search ─▶ a SELECT and its values ┐
//! table_plan ────────────────▶ CREATE, ALTER           ├─▶ dialect: what each database words differently
//! name ──────────────────────▶ names that are allowed  ┘
//! swap ───────────▶ a table that takes the place of another
//! job ────────────▶ units on their way through a writer
//! message_counts ─▶ when and how messages are counted, so that nobody counts them all
//! ```
//!
//! Everything here is pure: it composes statements and decides, and the adapter runs
//! what it is given. What an adapter does in its own way for a good reason (transactions,
//! locks, claims) is not here.

mod clause;
mod condition;
mod dialect;
mod found_table;
mod index;
mod job;
mod manual_change;
mod message_counts;
mod name;
mod number;
mod row_write;
mod search;
mod select;
mod shared_names;
mod statements;
mod swap;
mod table_plan;
mod thread;

pub use dialect::{Dialect, Redefinition, quoted};
pub use found_table::{FoundColumn, FoundTable};
pub use index::{is_own_index, own_index_names};
pub use job::Job;
pub use message_counts::{adds_counts, count_in_steps, count_messages};
pub use name::{check_names, stable_hash, suffixed};
pub use number::{limit, signed, unsigned};
pub use row_write::check_values;
pub use search::{page, stream_of};
pub use select::Select;
pub use shared_names::SharedNames;
pub use statements::{drop_invalid_index, drop_table, has_rows};
pub use swap::{AddedIndex, delete_some, rename_table};
pub use table_plan::{Step, TablePlan};
pub use thread::start_thread;
