//! What travels with the messages of a chain, from its beginning.

use std::sync::Arc;

use protean_port::message::{Extensions, Metadata, TraceParent};

/// What travels with a message, and with everything that it causes: an enricher sets it where a
/// chain of messages begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enrichment {
    /// Texts by key.
    pub metadata: Metadata,
    /// The place in a distributed trace.
    pub traceparent: Option<TraceParent>,
}

/// Sets what travels with the messages of a chain where it begins: each time that the program
/// processes a command, schedules a recurring one or runs a unit of work, but not for what a message
/// causes, which inherits that of the message. Several run in the order in which they are registered.
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
    /// One that does this.
    pub fn new(enrich: impl Fn(&mut Enrichment) + Send + Sync + 'static) -> Self {
        Self(Arc::new(enrich))
    }
}

impl Enrichment {
    /// What a message hands on.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        let Extensions { metadata, traceparent, .. } = extensions;
        Self { metadata: metadata.clone(), traceparent: *traceparent }
    }

    /// What each of these sets, in their order.
    pub(crate) fn by(enrichers: &[Enricher]) -> Self {
        let mut enrichment = Self::default();
        enrichers.iter().for_each(|enricher| (enricher.0)(&mut enrichment));
        enrichment
    }

    /// Adds what a caller says, which wins.
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
