//! `[telemetry]`: spans and metrics for a collector of OpenTelemetry.

use std::collections::BTreeMap;
use std::fmt;

use super::document::Value;
use super::fault::Fault;
use super::section::{Fixed, Section};

/// The port of OTLP over gRPC. Only OTLP over HTTP is supported.
const GRPC_PORT: &str = ":4317";

/// Why a key has no effect in a program that exports nothing.
const NOT_PART: &str = "this program exports nothing; give `protean-cli` the feature `otlp` in \
                        Cargo.toml, or call `protean::otlp::connect`";

/// The settings of spans and metrics that go to a collector.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct TelemetryConfig {
    /// Whether they are recorded and exported.
    pub enabled: bool,
    /// The address of the collector, without the path of a signal; none when the file does not
    /// say. May hold a password.
    pub endpoint: Option<String>,
    /// The name of the service; that of the domain when unset.
    pub service_name: Option<String>,
    /// Further attributes of the service.
    pub resource_attributes: BTreeMap<String, String>,
    /// The keys in the file, for a program that exports nothing.
    given: Vec<Given>,
}

/// A key in the file.
#[derive(Clone, Debug, PartialEq)]
struct Given {
    file: String,
    line: Option<usize>,
    path: String,
}

impl TelemetryConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        section.ignored_unless(
            "exporter",
            Fixed::Text("otlp"),
            "spans and metrics are sent over OTLP, and the collector decides where they go; remove \
             the key",
        );
        let telemetry = Self {
            enabled: section.flag("enabled").unwrap_or(false),
            endpoint: section.text("endpoint"),
            service_name: section.text("service_name"),
            resource_attributes: attributes(section),
            given: given(section),
        };
        if let Some(endpoint) = &telemetry.endpoint {
            check_endpoint(section, endpoint);
        }
        telemetry
    }

    /// What to say about the keys in the file when the program can export nothing: the fault when
    /// it is asked to, otherwise a warning for each key.
    pub(crate) fn not_part_of_program(&self) -> Result<Vec<Fault>, Fault> {
        let told = |given: &Given, message: String| {
            Fault::whole(&given.file, message).at(given.line, None).of(&given.path)
        };
        let mut warnings = Vec::new();
        for given in &self.given {
            match given.path.rsplit('.').next() {
                Some("enabled") if self.enabled => {
                    return Err(told(given, format!("true is not possible, because {NOT_PART}")));
                }
                Some("enabled") => {}
                _ => warnings.push(told(given, format!("has no meaning here, because {NOT_PART}"))),
            }
        }
        Ok(warnings)
    }
}

/// A table of texts.
fn attributes(section: &mut Section<'_>) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    for (name, entry) in section.free("resource_attributes").into_iter().flatten() {
        match &entry.value {
            Value::Text { text, .. } => {
                attributes.insert(name.clone(), text.clone());
            }
            Value::Unset => {}
            other => section.refuse(
                "resource_attributes",
                format!("'{name}' must be a quoted string, not {}", other.described()),
            ),
        }
    }
    attributes
}

fn given(section: &Section<'_>) -> Vec<Given> {
    let keys = ["enabled", "endpoint", "service_name", "resource_attributes"];
    let found = keys.into_iter().filter_map(|key| section.found(key));
    let file = section.file();
    found.map(|(line, path)| Given { file: file.to_owned(), line, path }).collect()
}

fn check_endpoint(section: &mut Section<'_>, endpoint: &str) {
    section.one_line("endpoint", endpoint);
    let host = ["http://", "https://"].iter().find_map(|scheme| endpoint.strip_prefix(scheme));
    match host {
        Some(host) if !host.is_empty() && !host.starts_with(['/', ':']) => {
            if host.trim_end_matches('/').ends_with(GRPC_PORT) {
                section.warn(
                    "endpoint",
                    "names port 4317, where collectors listen for gRPC; OTLP over HTTP, which is \
                     sent here, is usually taken at port 4318",
                );
            }
        }
        _ => section.conflict(
            "endpoint",
            "is not the address of a collector; write one such as 'http://localhost:4318'",
        ),
    }
}

impl fmt::Debug for TelemetryConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelemetryConfig")
            .field("enabled", &self.enabled)
            .field("endpoint", &self.endpoint.as_deref().map(super::redact::redact))
            .field("service_name", &self.service_name)
            .field("resource_attributes", &self.resource_attributes)
            .finish_non_exhaustive()
    }
}
