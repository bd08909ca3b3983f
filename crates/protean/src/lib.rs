//! Protean for Rust: domain-driven design, CQRS and event sourcing with an
//! asynchronous server whose priority lanes keep bulk work out of the way of people.
//!
//! Start with [`domain()`], which declares one. What it is made of is declared
//! with attribute macros, each of which expands to the plain traits that one
//! may as well write by hand:
//!
//! | declared with | implements |
//! |---|---|
//! | [`event`], [`command`], [`query`] | [`model::Event`], [`model::Command`], [`model::Query`] |
//! | [`aggregate`], [`aggregate_impl`] | [`model::Aggregate`], [`model::Apply`], [`model::Invariants`] |
//! | [`entity`], [`value_object`] | [`model::Element`], [`model::Field`], [`model::Choice`] |
//! | [`projection`] | [`model::Projection`] |
//! | [`command_handler`], [`event_handler`], [`projector`], [`query_handler`] | [`Handle`], [`On`], [`Answer`] and [`Register`] |
//! | [`subscriber`] | [`Receive`] and [`Register`] |
//!
//! Features: `sqlite` (default) and `postgres`, the databases that `domain.toml` can
//! name, and `redis`, the broker.
//!
//! The rooms of the framework are open as they are: [`config`], [`domain`](mod@domain),
//! [`memory`], [`message`], [`model`] and [`port`].

pub mod prelude;
mod private;
mod providers;

pub use protean_core::{config, domain, model};
pub use protean_port::{memory, message, port};

pub use protean_core::domain::{
    Answer, BuildError, Context, Domain, DomainBuilder, Failure, FailureKind, Handle, Handled, On,
    Payload, Processed, Receive, Register, Repository, current_priority, processing_priority,
};
pub use protean_core::model::Root;
pub use protean_port::message::{Date, Decimal, Id, Priority, Timestamp};
pub use protean_port::{Error, Result, Violations, ensure};

pub use protean_engine::{HealthPage, Server};

pub use protean_macros::{
    aggregate, aggregate_impl, command, command_handler, entity, event, event_handler, projection,
    projector, query, query_handler, subscriber, value_object,
};

pub use providers::domain;

/// For what the macros expand to; no part of the API.
#[doc(hidden)]
pub mod __private {
    pub use serde;

    pub use crate::private::{
        AppliedBy, absorb, choice, column, command_of, event_of, identity_column, unique,
    };
}
