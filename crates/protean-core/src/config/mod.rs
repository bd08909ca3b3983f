//! `domain.toml`: read exactly, then resolved once into what the program uses.
//!
//! ```text
//! text ─▶ document ─▶ overlay ─▶ substitute ─▶ section readers ─▶ Config
//!          lines      [production.…]  ${VAR|default}     │
//!                                                        └─▶ every Fault at once
//! ```
//!
//! A section reader takes the keys it knows; what is left over is unknown. The
//! default of a key stands beside the line that reads it, those of subscriptions
//! in `profile.rs`, and nowhere else. Sections of environments that are not in
//! use are read as well, for their faults.

mod broker;
mod choice;
mod custom;
mod database;
mod dead_letter;
mod declared;
mod document;
mod event_store;
mod fault;
mod find;
mod health;
mod idempotency;
mod identity;
mod outbox;
mod overlay;
mod priority_lanes;
mod processing;
mod profile;
mod quantity;
mod redact;
mod report;
mod resolved;
mod section;
mod server;
mod subscription;
mod subscriptions;
mod substitute;
mod telemetry;
#[cfg(test)]
mod tests;
mod version_retry;

pub use crate::nearest::{hint, nearest};
pub use broker::{Broker, BrokerProvider};
pub use custom::Custom;
pub use database::{Database, DatabaseProvider, Synchronous};
pub use dead_letter::DeadLetters;
pub use declared::Declared;
pub use fault::Fault;
pub use health::Health;
pub use idempotency::Idempotency;
pub use identity::{IdentityStrategy, IdentityType};
pub use outbox::{Outbox, OutboxCleanup, OutboxRetry};
pub use priority_lanes::{LanePolicy, PriorityLanes};
pub use processing::Processing;
pub use profile::{BATCH, DEBUG, FAST, PRODUCTION, PROJECTION, Profile};
pub use redact::redact;
pub use resolved::Config;
pub use server::{BrokerSubscription, Recovery, Server};
pub use subscription::{OnDeadLetter, Ordering, StartFrom, Subscription, SubscriptionType};
pub use telemetry::{Exporter, Telemetry};
pub use version_retry::VersionRetry;
