//! `[telemetry]`: where traces and metrics go.

use std::fmt;

use super::choice::Choice;
use super::redact::redact;
use super::section::Section;

/// How telemetry leaves the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exporter {
    /// The OpenTelemetry protocol, to a collector.
    Otlp,
    /// The console, for a look while developing.
    Console,
}

/// Traces and metrics.
#[derive(Clone, PartialEq, Eq)]
pub struct Telemetry {
    /// Whether any is sent.
    pub enabled: bool,
    /// What the service is called there; the name of the domain when unset.
    pub service_name: Option<String>,
    /// How it leaves.
    pub exporter: Exporter,
    /// The collector; the exporter decides when unset. May hold a password.
    pub endpoint: Option<String>,
}

impl Telemetry {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        section.obsolete(&["resource_attributes"]);
        Self {
            enabled: section.flag("enabled").unwrap_or(false),
            service_name: section.text("service_name"),
            exporter: section.choice("exporter").unwrap_or(Exporter::Otlp),
            endpoint: section.text("endpoint"),
        }
    }
}

impl Choice for Exporter {
    const ALL: &'static [(&'static str, Self)] =
        &[("otlp", Self::Otlp), ("console", Self::Console)];
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("enabled", &self.enabled)
            .field("service_name", &self.service_name)
            .field("exporter", &self.exporter)
            .field("endpoint", &self.endpoint.as_deref().map(redact))
            .finish()
    }
}
