//! Spans and metrics on their way out, with the feature `otlp`; nothing without it.

use protean::DomainBuilder;
use protean_engine::Server;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

#[cfg(feature = "otlp")]
use crate::Error;
use crate::Result;

/// What a program exports. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Export {
    #[cfg(feature = "otlp")]
    telemetry: Option<std::sync::Arc<protean::otlp::Telemetry>>,
}

#[cfg(feature = "otlp")]
impl Export {
    /// Starts what `[telemetry]` asks for. Needs the runtime.
    pub(crate) fn start(builder: DomainBuilder) -> Result<(DomainBuilder, Self)> {
        let connected = protean::otlp::connect(builder);
        let (builder, telemetry) = connected.map_err(|error| Error::usage(error.to_string()))?;
        Ok((builder, Self { telemetry: telemetry.map(Into::into) }))
    }

    /// The layer that records spans, when they are wanted.
    pub(crate) fn layer<S>(&self) -> Option<impl Layer<S> + Send + Sync + 'static>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        self.telemetry.as_ref().map(|telemetry| telemetry.layer())
    }

    /// The server, whose metrics are exported.
    pub(crate) fn of_server(&self, server: Server) -> Server {
        match &self.telemetry {
            Some(telemetry) => server.with_metrics(telemetry.metrics()),
            None => server,
        }
    }

    /// Sends what waits, and ends. Blocks, while the runtime has to run.
    pub(crate) fn stop(&self) {
        if let Some(telemetry) = &self.telemetry {
            telemetry.stop();
        }
    }
}

#[cfg(not(feature = "otlp"))]
impl Export {
    #[expect(clippy::unnecessary_wraps, reason = "as with the feature")]
    pub(crate) fn start(builder: DomainBuilder) -> Result<(DomainBuilder, Self)> {
        Ok((builder, Self::default()))
    }

    pub(crate) fn layer<S>(&self) -> Option<impl Layer<S> + Send + Sync + 'static>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        None::<tracing_subscriber::layer::Identity>
    }

    pub(crate) fn of_server(&self, server: Server) -> Server {
        server
    }

    pub(crate) fn stop(&self) {}
}
