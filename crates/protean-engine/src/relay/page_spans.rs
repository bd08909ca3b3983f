//! The spans of pages on their way to a broker.

use std::time::Duration;

use protean_core::domain::Domain;
use protean_core::handling::spans::{BatchStep, OpenSpan, batch};
use protean_port::port::{Published, SpanOperation};
use protean_port::{Error, Result};

use super::broker_publisher::unavailable;
use super::page::{Content, Page};
use super::plan::RelayPlan;
use crate::source::names::broker_kind;

/// The spans of pages that are published together.
pub(super) struct PageSpans(Vec<OpenSpan>);

impl PageSpans {
    /// Begins them. A page that holds only the places of its messages has no span.
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

    /// Ends them; those of pages of which something could not be published, as failed.
    pub(super) fn end(mut self, published: Result<&[Vec<Published>], &Error>) {
        match published {
            Ok(pages) => {
                for (span, published) in self.0.iter_mut().zip(pages) {
                    if let Some(reason) = published.iter().find_map(unavailable) {
                        span.fail(reason);
                    }
                }
            }
            Err(error) => self.0.iter_mut().for_each(|span| span.fail(error)),
        }
    }
}
