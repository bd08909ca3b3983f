//! What is exported, and where to.

use std::collections::BTreeMap;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;

/// Where a collector on the same machine listens.
const DEFAULT_ENDPOINT: &str = "http://localhost:4318";

/// Names the collector when the settings do not.
const ENDPOINT_VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// The settings of an export: the table `[telemetry]`.
#[derive(Clone, Default)]
pub struct Settings {
    /// The address of the collector, without the path of a signal. When unset, that in the variable
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, or `http://localhost:4318`. May hold a user and a password.
    pub endpoint: Option<String>,
    /// The name of the service.
    pub service_name: String,
    /// Further attributes of the service.
    pub resource_attributes: BTreeMap<String, String>,
}

impl Settings {
    /// The address for a signal, such as `v1/traces`.
    pub(crate) fn address(&self, signal: &str) -> String {
        let variable = || std::env::var(ENDPOINT_VARIABLE).ok().filter(|text| !text.is_empty());
        let endpoint = self.endpoint.clone().or_else(variable);
        let endpoint = endpoint.unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned());
        format!("{}/{signal}", endpoint.trim_end_matches('/'))
    }

    /// The service that what is exported comes from.
    pub(crate) fn resource(&self) -> Resource {
        let process = std::process::id();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let own = self.resource_attributes.iter();
        let own = own.map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
        Resource::builder()
            .with_service_name(self.service_name.clone())
            .with_attribute(KeyValue::new(
                "service.instance.id",
                format!("{}-{process}", host.trim()),
            ))
            .with_attribute(KeyValue::new("process.pid", i64::from(process)))
            .with_attributes(own)
            .build()
    }
}
