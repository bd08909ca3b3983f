//! The spans of pages on their way to a broker.

use std::time::Duration;

use protean_core::domain::Domain;
use protean_core::handling::spans::{BatchStep, OpenSpan, batch};
use protean_port::Error;
use protean_port::port::SpanOperation;

use super::page::{Content, Page};
use super::plan::RelayPlan;
use crate::source::names::broker_kind;

/// The spans of pages that are published together.
pub(super) struct PageSpans(Vec<OpenSpan>);

impl PageSpans {
    /// Begins them. A page that only says where its messages are has none.
    pub(super) fn begin(domain: &Domain, plan: &RelayPlan, pages: &[Page]) -> Self {
        if !domain.env().records_spans() {
            return Self(Vec::new());
        }
        let broker = broker_kind(domain, &plan.broker);
        let span = |page: &Page| {
            let Content::Messages(messages) = &page.content else { return OpenSpan::default() };
            let step = BatchStep {
                operation: SpanOperation::Forward,
                broker: broker.as_deref(),
                destination: &plan.stream(page.of),
                handler: None,
                lane: page.of.lane,
                ago: Duration::ZERO,
            };
            batch(domain.env(), &step, messages.iter().map(|delivery| &delivery.recorded.message))
        };
        Self(pages.iter().map(span).collect())
    }

    /// Ends them; or says why nothing could be published.
    pub(super) fn end(mut self, failed: Option<&Error>) {
        let reason = failed.map(ToString::to_string);
        for (span, reason) in self.0.iter_mut().zip(reason.iter().cycle()) {
            span.fail(reason);
        }
    }
}
