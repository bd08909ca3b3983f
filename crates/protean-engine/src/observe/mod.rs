//! Pages about the server, for probes, people and Prometheus.
//!
//! ```text
//! GET /livez /readyz /healthz /metrics
//!       │
//!  connections ─▶ service ─▶ report    JSON
//!   (bounded)      │  └──▶ metrics   Prometheus text
//!                  ├─▶ look ─▶ store    one question at a time, apart
//!                  └─▶ metrics           what this process has counted
//! ```
//!
//! Nothing here changes anything, waits long for anything, or tells what an
//! error or the configuration says.

mod cached_probe;
mod connections;
mod exposition;
mod health_service;
pub(crate) mod metrics;
mod page;
mod report;
pub(crate) mod status;
mod verify;

pub use page::HealthPage;
pub use status::{Health, LaneStatus, SubscriptionStatus, subscriptions};
pub use verify::{Account, Report, verify};
