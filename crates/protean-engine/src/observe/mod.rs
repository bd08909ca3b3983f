//! What can be seen of a domain and its server: status, accounts, metrics, and the pages
//! that show them to probes, people and Prometheus.
//!
//! ```text
//! GET /livez /readyz /healthz /metrics
//!       │
//!  connections ─▶ health_service ─▶ report        JSON
//!   (bounded)      │        └───▶ exposition    Prometheus text
//!                  ├─▶ cached_probe ─▶ store    one query at a time, in a task of its own
//!                  └─▶ metrics                  what this process has counted
//!
//! metrics_report ─▶ families ◀─ exposition      the same values, for both
//! ```
//!
//! Nothing here changes anything, waits long for anything, or shows the text of an error
//! or of the configuration.

mod cached_probe;
mod connections;
mod events_check;
mod explain;
mod exposition;
mod families;
mod fault_kinds;
mod findings;
mod health_service;
pub(crate) mod metrics;
mod metrics_report;
mod page;
pub(crate) mod recent_latencies;
mod report;
pub(crate) mod status;
mod vanished;
mod verify;

pub use events_check::{
    CheckedMessages, CheckedSchedule, CheckedSnapshots, EventsCheck, check_events,
};
pub use explain::{Explanation, HandlerStanding, Unpublished, explain};
pub use fault_kinds::FaultKind;
pub(crate) use metrics_report::report_metrics;
pub use page::HealthPage;
pub use status::{Health, LaneStatus, SubscriptionStatus, subscriptions};
pub(crate) use vanished::check_vanished;
pub use vanished::{VanishedGroup, program_of, vanished_groups};
pub use verify::{Account, Report, verify};
