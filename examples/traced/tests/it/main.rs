//! The helpdesk as its operators see it: real processes, and a collector that takes their spans.
//!
//! * `collector`: takes spans and metrics over OTLP
//! * `helpdesk`: the program, and the service in Python beside it
//! * `trace`: one ticket in one trace, through everything
//! * `bulk`: an import has a span for each batch
//! * `outage`: no collector answers, and the work goes on
//! * `metrics`: what the page `/metrics` shows arrives at the collector

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod bulk;
mod collector;
mod helpdesk;
mod metrics;
mod outage;
#[cfg(unix)]
mod trace;
