//! Metadata and trace context, set where a chain of messages begins.

use std::sync::Arc;

use protean_port::message::{Extensions, Metadata, TraceParent};

/// The metadata and trace context of a message, inherited by everything that it causes. Enrichers
/// set them where a chain of messages begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enrichment {
    /// The metadata.
    pub metadata: Metadata,
    /// The trace context.
    pub traceparent: Option<TraceParent>,
}

/// Sets metadata and trace context where a chain of messages begins: when the program processes a
/// command, schedules a recurring one or runs a unit of work. Messages caused by another message
/// inherit from it instead. Enrichers run in the order of their registration.
///
/// ```
/// # use protean_core::domain::{DomainBuilder, Enricher};
/// let region = Enricher::new(|message| message.metadata.set("region", "eu-1"));
/// let shop = DomainBuilder::new("shop").register(region).build();
/// # assert!(shop.is_ok());
/// ```
#[derive(Clone)]
pub struct Enricher(Arc<dyn Fn(&mut Enrichment) + Send + Sync>);

impl Enricher {
    /// An enricher that calls this function.
    pub fn new(enrich: impl Fn(&mut Enrichment) + Send + Sync + 'static) -> Self {
        Self(Arc::new(enrich))
    }
}

impl Enrichment {
    /// The enrichment that a message passes on.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        let Extensions { metadata, traceparent, .. } = extensions;
        Self { metadata: metadata.clone(), traceparent: *traceparent }
    }

    /// The result of these enrichers, in order.
    pub(crate) fn by(enrichers: &[Enricher]) -> Self {
        let mut enrichment = Self::default();
        enrichers.iter().for_each(|enricher| (enricher.0)(&mut enrichment));
        enrichment
    }

    /// Adds the values of a caller, which take precedence.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.metadata.extend(&other.metadata);
        self.traceparent = other.traceparent.or(self.traceparent);
    }

    /// The properties of a message that inherits this.
    pub(crate) fn inherited(&self, own: Extensions) -> Extensions {
        let Self { metadata, traceparent } = self.clone();
        Extensions { metadata, traceparent, ..own }
    }
}
