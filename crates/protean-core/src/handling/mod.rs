//! Running one message, and settling what came of it.
//!
//! ```text
//! Registry ─▶ Handlers ─▶ Group ─▶ deliver::run ─▶ Verdict ─▶ settle ─▶ Changes ─▶ commit
//! ```
//!
//! The server and synchronous processing both take this way.

mod allowed_command;
mod commit;
mod dead_letter;
pub mod deliver;
mod enricher;
mod erased;
mod external;
mod failure;
mod group;
mod handle;
mod handlers;
mod idempotency;
mod intake_command;
mod issued_keys;
mod kept_outcome;
mod operation;
mod ordering;
mod payload;
mod process_manager;
mod recurring;
mod recurring_command;
mod register;
mod registry;
pub(crate) mod repetition;
mod retry;
mod routes;
mod sent;
mod settle;
pub mod spans;
mod standing;
#[cfg(test)]
mod standing_tests;
pub mod telemetry;
mod verdict;

pub use allowed_command::AllowedCommand;
pub(crate) use commit::{Committed, commit, commit_settled};
pub use dead_letter::{purge, replay, resend};
pub(crate) use erased::{HandlerInput, either};
pub use failure::{Failure, FailureKind, Handled};
pub use group::{Group, HandlerKind};
pub use handle::{Answer, Handle, On, Receive, Register};
pub(crate) use handlers::Handlers;
pub(crate) use idempotency::{NEVER, cancelled_ttl, key_claim};
pub(crate) use intake_command::IntakeCommand;
pub(crate) use issued_keys::claim_issued_keys;
pub(crate) use kept_outcome::KeptOutcome;
pub use operation::{Operation, OperationLog, Operator, operations};
pub(crate) use ordering::is_unsettled;
pub use ordering::{NextStep, Position, next_step};
pub(crate) use payload::ENTRY_RECEIVED;
pub use payload::Payload;
pub use process_manager::{Manages, React, ReactLate, Reactions, RegisterProcess};
pub use recurring::Recurring;
pub use recurring_command::Missed;
pub(crate) use recurring_command::RecurringCommand;
pub use register::{CommandsOf, Entries, Events, QueryRoutes, Routes};
pub use registry::Registry;
pub(crate) use registry::{Registration, Route, Source};
pub use retry::Backoff;
pub(crate) use retry::retry_on_conflict;
pub(crate) use routes::add_upcasts;
pub(crate) use sent::Sent;
pub use settle::{Fate, Moment, Settled, left_out, settle};
pub(crate) use standing::Stage;
pub use standing::{Ending, Standing, Subscriber, Turn};
pub use verdict::Verdict;
