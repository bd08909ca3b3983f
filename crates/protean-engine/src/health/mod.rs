//! Pages about the server, for probes, people and Prometheus.
//!
//! ```text
//! GET /livez /readyz /healthz /metrics
//!       │
//!  connections ─▶ desk ─▶ report    JSON
//!   (bounded)      │  └──▶ metrics   Prometheus text
//!                  ├─▶ look ─▶ store    one question at a time, apart
//!                  └─▶ vitals           what this process has counted
//! ```
//!
//! Nothing here changes anything, waits long for anything, or tells what an
//! error or the configuration says.

mod connections;
mod desk;
mod look;
mod metrics;
mod page;
mod report;

pub use page::HealthPage;
