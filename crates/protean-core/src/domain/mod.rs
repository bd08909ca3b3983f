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
pub mod deliver;
mod dispatch;
#[expect(clippy::module_inception, reason = "the room is named for the one thing in it")]
mod domain;
mod failure;
mod group;
mod handle;
mod happened;
mod history;
mod inbox;
mod ladder;
mod letters;
mod overlay;
mod payload;
mod process;
mod register;
mod registry;
mod rehearsal;
mod repository;
mod retry;
mod scope;
mod selection;
mod sequence;
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
pub use bulk::{Bulk, Intake, Rejection, Submission, Submit};
pub use causation::CausationNode;
pub use context::Context;
pub use domain::Domain;
pub use failure::{Failure, FailureKind, Handled};
pub use group::{Group, HandlerKind};
pub use handle::{Answer, Handle, On, Receive, Register};
pub use happened::happened;
pub use inbox::{exact, incoming, received};
pub use letters::{purge, replay, resend};
pub use overlay::{Overlay, Sequence, Writes};
pub use payload::Payload;
pub use process::{Process, Processed};
pub use register::{CommandRoutes, EventRoutes, PayloadRoutes, QueryRoutes};
pub use registry::Registry;
pub use rehearsal::rehearse;
pub use repository::{Reader, Repository};
pub use retry::{backoff, longest_backoff};
pub use scope::{current_priority, processing_priority};
pub use selection::Selection;
pub use sequence::{Course, Turn, course, turn};
pub use settle::{Moment, Settled, left_out, settle};
pub use snapshots::{SnapshotPage, Snapshots};
pub use storage::Storage;
pub use trace::{Handling, HandlingState, Trace};
pub use unit::{Finished, Reading};
pub use verdict::Verdict;
