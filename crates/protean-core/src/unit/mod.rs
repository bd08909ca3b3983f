//! One unit of work: what a handler reads through, and what collects its changes.
//!
//! ```text
//! Context ─▶ Repository ─▶ Storage ─▶ History ─▶ Snapshot
//!                             └──────────┴───────────┴──▶ Unit ─▶ CompletedUnit
//! ```
//!
//! A unit opens no transaction: it ends as a value, [`CompletedUnit`], that the
//! store commits as a whole or leaves out.

mod changed_rows;
mod context;
mod cursor_field;
mod enrichment;
mod env;
mod fingerprint;
mod history;
mod issue;
mod key;
mod keyed_command;
mod known_correlations;
mod machine_turns;
mod open_unit;
mod overlay;
mod page;
mod production_steps;
mod queries;
mod repository;
mod scope;
mod selection;
mod snapshot;
mod storage;
mod store_clock;
mod timing;
#[expect(clippy::module_inception, reason = "the room is named for the one thing in it")]
mod unit;
mod value_text;

pub use context::Context;
pub use enrichment::{Enricher, Enrichment};
pub use env::Env;
pub use history::TakeSnapshot;
pub(crate) use history::{length, version_as_of};
pub use issue::Issue;
pub(crate) use key::Key;
pub(crate) use keyed_command::{KeyedCommand, Rewrite, rewrite};
pub use known_correlations::KnownCorrelations;
pub use machine_turns::{LONGEST_TURN_REST, MachineTurn, MachineTurns, bulk_turns};
pub(crate) use open_unit::timer_key;
pub use overlay::{Overlay, Sequence, Writes};
pub use page::{Cursor, Page};
pub use repository::{Reader, Repository};
pub use scope::{current_priority, processing_priority};
pub(crate) use scope::{enclosing_units, handling, is_handling, within};
pub use selection::Selection;
pub(crate) use storage::SnapshotsOf;
pub use storage::{Queryable, Storage};
pub use store_clock::StoreClock;

pub(crate) use timing::Timing;
pub use unit::{CompletedUnit, ReadMode, ReadOptions, Unit};
pub(crate) use unit::{MessageContext, command_message};
