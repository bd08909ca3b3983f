//! The front door: a domain is declared, wired and used here.
//!
//! ```text
//! DomainBuilder ─▶ Domain ─▶ Process ─▶ Unit ─▶ Changes ─▶ Store::commit
//!                                        ▲
//!           Group ─▶ deliver::run ───────┘─▶ Verdict ─▶ settle ─▶ Changes
//! ```
//!
//! How one message runs is in [`handling`](crate::handling), what a handler
//! works with in [`unit`](crate::unit), what is declared in [`catalog`](crate::catalog).

mod advice;
mod back_pressure;
mod brokers;
#[cfg(test)]
mod brokers_tests;
mod builder;
mod bulk;
mod caught_up;
mod causation;
mod connect;
mod dispatch;
#[expect(clippy::module_inception, reason = "the room is named for the one thing in it")]
mod domain;
mod ids;
mod inbox;
mod instance_queues;
mod intake;
mod intake_check;
mod looks;
mod misfit;
mod passed_over;
mod process;
mod promotion;
mod receipt;
mod registrations;
mod reserved;
mod scheduled;
mod snapshots;
mod stored_data;
mod submission;
mod synchronous;
mod trace;
mod unit_of_work;
mod wiring;

pub use advice::ServerAdvice;
pub use builder::{BuildError, DomainBuilder, configuration, in_file, with_tracer};
pub use bulk::{Bulk, ImportProgress};
pub use caught_up::CaughtUp;
pub use causation::CausationNode;
pub use connect::{
    all_in_bulk, base_store, broker, destroy, difference, known_ids, look, migrate, preflight,
    prepared_store, require_database, server_advice,
};
pub use domain::Domain;
pub use ids::KnownIds;
pub use inbox::{inject_entry, inject_event, message_from_entry, raw_entry};
pub use intake::Intake;
pub use process::{Process, Processed};
pub use promotion::promote;
pub use receipt::{CommandOutcome, Receipt};
pub use registrations::{program_version, registrations};
pub use scheduled::{Cancellation, ScheduledMessages};
pub use snapshots::{SnapshotFault, SnapshotPage, Snapshots};
pub use stored_data::{ReadSnapshots, Reading, SnapshotUse, StoredData};
pub use submission::{Rejection, Submission, Submit};
pub use trace::{Handling, HandlingState, Trace};
pub use unit_of_work::record_events;

#[doc(hidden)]
pub use crate::catalog::LIFECYCLE_COLUMNS;
pub use crate::catalog::{Catalog, DeclaredAggregate, DeclaredTable};
pub use crate::handling::{
    AllowedCommand, Answer, CommandsOf, Ending, Entries, Events, Failure, FailureKind, Group,
    Handle, Handled, HandlerKind, Manages, Missed, On, Operation, Operator, Payload, QueryRoutes,
    React, ReactLate, Reactions, Receive, Recurring, Register, RegisterProcess, Registry, Routes,
    Standing, Subscriber, Turn, operations,
};
pub use crate::unit::{
    Context, Cursor, Enricher, Enrichment, Issue, Page, Reader, Repository, Selection, Storage,
    current_priority, processing_priority,
};
