//! The span of a read that brings messages.

use protean_core::handling::spans::{BatchStep, batch};
use protean_port::message::Lane;
use protean_port::port::{Delivery, SpanOperation};
use tokio::time::Instant;

use super::names::broker_kind;
use crate::worker::runner::HandlerRunner;

/// Records the span of a read that began then and has brought these messages, from a stream of this
/// broker or from the log.
pub(super) fn received<'m>(
    runner: &HandlerRunner,
    broker: Option<&str>,
    destination: &str,
    lane: Lane,
    began: Instant,
    messages: impl Iterator<Item = &'m Delivery>,
) {
    let env = runner.domain.env();
    if env.records_spans() {
        let kind = broker.and_then(|name| broker_kind(&runner.domain, name));
        let step = BatchStep {
            operation: SpanOperation::Receive,
            broker: kind.as_deref(),
            destination,
            handler: Some(&runner.group.handler),
            lane,
            ago: began.elapsed(),
        };
        drop(batch(env, &step, messages.map(|delivery| &delivery.recorded.message)));
    }
}
