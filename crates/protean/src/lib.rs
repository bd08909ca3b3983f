//! Protean for Rust: domain-driven design, CQRS and event sourcing, with an asynchronous
//! server whose priority lanes keep bulk work out of the way of production.
//!
//! Start with [`domain()`](fn@domain), which builds a [`Domain`]. Attribute macros declare
//! its parts. Each expands to an implementation of plain traits that one could write by hand:
//!
//! | declared with | implements |
//! |---|---|
//! | [`event`], [`command`], [`query`] | [`model::Event`], [`model::Command`], [`model::Query`] |
//! | [`aggregate`], [`aggregate_impl`] | [`model::Aggregate`], [`model::Apply`], [`model::Invariants`] |
//! | [`entity`], [`value_object`] | [`model::Element`], [`model::Field`], [`model::Entity`], [`model::Choice`] |
//! | [`entity_impl`], [`value_object_impl`] | [`model::Invariants`] |
//! | [`projection`] | [`model::Projection`] |
//! | [`command_handler`], [`event_handler`], [`projector`], [`query_handler`] | [`Handle`], [`On`], [`Answer`] and [`Register`] |
//! | [`process_manager`], [`process_manager_impl`] | [`model::ProcessManager`], [`React`], [`ReactLate`] and [`RegisterProcess`] |
//! | [`subscriber`] | [`Receive`] and [`Register`] |
//! | [`external_event`] | [`model::ExternalEvent`] |
//!
//! Features: the databases `sqlite` (default) and `postgres`, the broker `redis`, the export of spans
//! and metrics over `otlp`, conversions of [`Date`] and [`Timestamp`] from and to those of `jiff` and
//! `chrono`, and `observatory`, pages of the running system that an application serves behind its own
//! login.
//!
//! [`model`] has the traits behind the macros, [`config`] what `domain.toml` means.
//! [`message`], [`port`] and [`memory`] are for adapters and tools.

/// Runs the code of the package's README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod declarations;
mod handlers;
#[cfg(feature = "otlp")]
pub mod otlp;
pub mod prelude;
mod private;
mod process_managers;
mod providers;
mod runtime;

// Declare a domain.
pub use declarations::{
    Upcast, aggregate, aggregate_impl, command, entity, entity_impl, event, external_event,
    projection, query, value_object, value_object_impl,
};
pub use handlers::{
    Register, command_handler, event_handler, projector, query_handler, subscriber,
};
pub use process_managers::{
    Manages, React, ReactLate, RegisterProcess, process_manager, process_manager_impl, timer,
};
pub use protean_core::domain::{BuildError, Registry};
pub use protean_core::model::{Children, Condition, MessageData, Root};
pub use providers::domain;
pub use runtime::{Domain, DomainBuilder};

// Handle messages.
pub use protean_core::domain::{
    Answer, FailureKind, Handle, Handled, On, Payload, Receive, Storage, current_priority,
    processing_priority,
};
pub use protean_core::domain::{Cursor, Page};
pub use runtime::{Context, Failure, Repository, Selection};

// Run SQL of your own.
pub use protean_port::port::Statement;

// Use a domain, and run its server.
pub use protean_core::domain::{
    Bulk, Cancellation, CaughtUp, CommandOutcome, Enricher, Enrichment, ImportProgress, Intake,
    Issue, Missed, Processed, Reader, Recurring, Rejection, ScheduledMessages, Submission, Submit,
    inject_entry, inject_event,
};
pub use protean_engine::HealthPage;
pub use runtime::{Process, Receipt, Server};

// Show a running domain to people.
#[cfg(feature = "observatory")]
pub use protean_observatory::Observatory;

// Values and errors.
pub use protean_port::message::{
    Date, Decimal, Id, Inexact, Json, Priority, Rounding, Timestamp, Weekday,
};
pub use protean_port::{Error, Result, Violations, ensure};

// Look into a domain: what the command line shows.
pub use protean_core::domain::{
    Catalog, CausationNode, DeclaredAggregate, Ending, Group, HandlerKind, Handling, HandlingState,
    Operation, Operator, SnapshotFault, SnapshotPage, Snapshots, Standing, Trace, Turn, operations,
};

// The traits behind the macros, the settings, and what adapters are written against.
pub use protean_core::{config, model};
pub use protean_port::{memory, message, port};

// For our own tools and tests; not part of the API.
#[doc(hidden)]
pub use protean_core::domain::{
    ServerAdvice, broker, configuration, destroy, difference, migrate, prepared_store, promote,
    require_database, server_advice, with_tracer,
};
#[doc(hidden)]
pub use protean_engine::verify;

/// What the macros expand to; not part of the API.
#[doc(hidden)]
pub mod __private {
    pub use serde;

    pub use crate::private::{
        AppliedBy, ChecksInvariants, InvariantsOf, NamesProcess, NoInvariants, absorb,
        checks_invariants, choice, column, command_of, event_of, identity_column, names_process,
        renamed, set_defaults, unique, validated,
    };
}
