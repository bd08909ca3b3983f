//! How declarations run: from a command to what is committed.
//!
//! ```text
//! DomainBuilder ─▶ Domain ─▶ Process ─▶ Unit ─▶ Changes ─▶ Store::commit
//!                                        ▲
//!           Group ─▶ deliver::run ───────┘─▶ Verdict ─▶ settle ─▶ Changes
//! ```
//!
//! The engine feeds messages to the same [`deliver`] and [`settle`] that
//! synchronous processing uses.

mod brokers;
mod builder;
mod bulk;
mod causation;
mod context;
mod dead_letter;
pub mod deliver;
mod dispatch;
#[expect(clippy::module_inception, reason = "the room is named for the one thing in it")]
mod domain;
mod failure;
mod group;
mod handle;
mod history;
mod inbox;
mod ladder;
mod ordering;
mod overlay;
mod payload;
mod preflight;
mod process;
mod record_events;
mod register;
mod registry;
mod repository;
mod retry;
mod scope;
mod selection;
mod settle;
mod snapshot;
mod snapshots;
mod storage;
mod trace;
mod unit;
mod verdict;
mod wiring;
mod work;

pub use brokers::broker;
pub use builder::{BuildError, DomainBuilder};
pub use bulk::{Bulk, ImportProgress, Rejection, Submission, Submit};
pub use causation::CausationNode;
pub use context::Context;
pub use dead_letter::{purge, replay, resend};
pub use domain::Domain;
pub use failure::{Failure, FailureKind, Handled};
pub use group::{Group, HandlerKind};
pub use handle::{Answer, Handle, On, Receive, Register};
pub use inbox::{inject_entry, message_from_entry, raw_entry};
pub use ordering::{NextStep, Position, next_step};
pub use overlay::{Overlay, Sequence, Writes};
pub use payload::Payload;
pub use preflight::preflight;
pub use process::{Process, Processed};
pub use record_events::record_events;
pub use register::{CommandRoutes, EventRoutes, PayloadRoutes, QueryRoutes};
pub use registry::Registry;
pub use repository::{Reader, Repository};
pub use retry::{backoff, longest_backoff};
pub use scope::{current_priority, processing_priority};
pub use selection::Selection;
pub use settle::{Moment, Settled, left_out, settle};
pub use snapshots::{SnapshotPage, Snapshots};
pub use storage::Storage;
pub use trace::{Handling, HandlingState, Trace};
pub use unit::{CompletedUnit, Reading};
pub use verdict::Verdict;
