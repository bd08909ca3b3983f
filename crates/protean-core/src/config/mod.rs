//! `domain.toml`: read exactly, then resolved once into what the program uses.
//!
//! ```text
//! text ─▶ document ─▶ overlay ─▶ variables ─▶ section readers ─▶ Config
//!          lines      [production.…]  ${VAR|default}    │
//!                                                       └─▶ every Fault at once
//! ```
//!
//! A section reader asks for the keys it knows; a key that no reader asks for is unknown.
//! The default of a key is beside the line that reads it, those of subscriptions are in
//! `subscription.rs` and `profile.rs`, and nowhere else. A key without an effect is answered
//! with the reason. Sections of environments that are not in use are checked as well.

mod backfill_entries;
mod broker;
#[expect(clippy::module_inception, reason = "the room is named for the one thing in it")]
mod config;
mod custom;
mod database;
mod document;
mod fault;
mod form;
mod lane_policy;
mod load;
mod logging;
mod observatory;
mod outbox;
mod overlay;
mod priority_lanes;
mod profile;
mod redact;
mod section;
mod server;
mod subscription;
mod subscriptions;
mod telemetry;
#[cfg(test)]
mod tests;
mod values;
mod variables;

pub use crate::nearest::{hint, nearest};
pub use backfill_entries::BackfillEntries;
pub use broker::{BrokerConfig, BrokerKind};
pub use config::{Config, Idempotency, IntakeConfig, Processing};
pub use custom::Custom;
pub use database::{DatabaseConfig, DatabaseKind, Synchronous};
pub use fault::Fault;
pub use lane_policy::LanePolicy;
pub use logging::{LogFormat, LoggingConfig};
pub use observatory::{ObservatoryConfig, Secret};
pub use outbox::{OutboxConfig, OutboxRetry};
pub use priority_lanes::PriorityLanes;
pub use profile::{BATCH, DEBUG, FAST, PRODUCTION, PROJECTION, Profile};
pub use redact::redact;
pub use server::{DeadLetterConfig, HealthConfig, ServerConfig, VersionRetry};
pub use subscription::{
    Declared, OnDeadLetter, Ordering, StartFrom, SubscriptionConfig, SubscriptionType,
};
pub use telemetry::TelemetryConfig;
