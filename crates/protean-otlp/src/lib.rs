//! Spans and metrics of Protean for Rust, exported to a collector of OpenTelemetry.
//!
//! ```text
//! Telemetry ─┬▶ recorder   the port of spans, on the SDK of OpenTelemetry
//!            ├▶ layer      the program's own `tracing` spans, in the same traces
//!            ├▶ metrics    the port of metrics, encoded as they are
//!            └▶ collector  one way for both to the collector: OTLP over HTTP
//! ```
//!
//! The public API exposes no OpenTelemetry types, since the APIs of its crates change often.

mod collector;
mod metrics;
mod no_spans;
mod recorder;
mod settings;
mod telemetry;

pub use no_spans::NoSpans;
pub use settings::Settings;
pub use telemetry::{Telemetry, continue_trace};
