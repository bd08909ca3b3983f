//! What can be seen of a domain and its server: status, accounts, metrics, and the pages
//! that show them to probes, people and Prometheus.
//!
//! ```text
//! GET /livez /readyz /healthz /processz /metrics
//!       │
//!  connections ─▶ health_service ─▶ report        JSON
//!   (bounded)      │        └───▶ exposition    Prometheus text
//!                  ├─▶ cached_probe ─▶ store    one query at a time, in a task of its own
//!                  ├─▶ process_report ─▶ metrics   what this process has counted
//!                  └─▶ pages of others, such as the observatory's
//!
//! metrics_report ─▶ families ◀─ exposition      the same values, for both
//! ```
//!
//! Nothing here changes anything, waits long for anything, or shows the text of an error
//! or of the configuration.

mod account;
mod age;
mod at_rest;
mod bound;
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
mod number;
mod page;
mod process_report;
mod processes;
pub(crate) mod recent_latencies;
#[cfg(test)]
mod reference_tests;
mod report;
mod server_pages;
pub(crate) mod status;
mod trend;
mod vanished;
mod verify;

pub use account::{Account, accounts};
pub use age::age;
pub use at_rest::is_at_rest;
pub use bound::ProductionBound;
pub use connections::{PageBody, Pages, page_body, serve_pages};
pub use events_check::{
    CheckedMessages, CheckedSchedule, CheckedSnapshots, EventsCheck, check_events,
};
pub use explain::{Explanation, HandlerStanding, Unpublished, explain};
pub use fault_kinds::FaultKind;
pub(crate) use metrics_report::report_metrics;
pub use number::{grouped, or_unknown, short};
pub use page::HealthPage;
pub use process_report::{
    HandlerReport, IdleReport, LaneReport, PaceReport, ProcessReport, ProductionReport,
};
pub use processes::{Manager, ProcessPage, ProcessState, process_managers, value_json};
pub use server_pages::{ServerPage, ServerPages, ServerProcess};
pub use status::{Health, LaneStatus, SubscriptionStatus, subscriptions};
pub use trend::Trend;
pub(crate) use vanished::check_vanished;
pub use vanished::{VanishedGroup, program_of, vanished_groups};
pub use verify::{Report, verify};
