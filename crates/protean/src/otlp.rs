//! Exporting spans and metrics to a collector of OpenTelemetry, as `[telemetry]` says.
//!
//! Programs on `protean_cli` need nothing of this but [`continue_trace`]: their feature `otlp`
//! does the rest.

use protean_core::domain::{DomainBuilder, configuration, with_tracer};
use protean_otlp::{NoSpans, Settings};
use protean_port::Result;

pub use protean_otlp::{Telemetry, continue_trace};

/// Starts the export that `[telemetry]` of the builder's configuration asks for, and lets the domain
/// record its spans there. Without `enabled = true` there is none. Call it within a tokio runtime,
/// as the last step before [`build`](DomainBuilder::build); a fault in the configuration is reported
/// there.
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let builder = protean::domain("bank").config("[telemetry]\nenabled = false");
/// let (builder, telemetry) = protean::otlp::connect(builder)?;
/// let spans = telemetry.as_ref().map(protean::otlp::Telemetry::layer);
/// tracing_subscriber::registry().with(spans).try_init()?;
/// let bank = builder.build()?;
/// # assert!(telemetry.is_none());
/// // … protean::Server::new(bank).with_metrics(telemetry.metrics()).run(stop).await?;
/// // At the end, outside of async code: telemetry.stop();
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When the address of the collector cannot be used.
pub fn connect(builder: DomainBuilder) -> Result<(DomainBuilder, Option<Telemetry>)> {
    let telemetry = configuration(&builder).map(|config| config.telemetry);
    let Some(telemetry) = telemetry.filter(|telemetry| telemetry.enabled) else {
        return Ok((with_tracer(builder, NoSpans), None));
    };
    let settings = Settings {
        endpoint: telemetry.endpoint,
        service_name: telemetry.service_name.unwrap_or_else(|| builder.name().to_owned()),
        resource_attributes: telemetry.resource_attributes,
    };
    let telemetry = Telemetry::start(&settings)?;
    let builder = with_tracer(builder, telemetry.tracer());
    Ok((builder, Some(telemetry)))
}
