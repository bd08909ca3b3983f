//! Spans that are not wanted.

use protean_port::message::TraceParent;
use protean_port::port::{NewSpan, TraceSpan, Tracer};

/// Records nothing: for a program that could record spans, and whose settings do not ask for them.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSpans;

impl Tracer for NoSpans {
    fn current(&self) -> Option<TraceParent> {
        None
    }

    fn begin(&self, _: NewSpan<'_>) -> Box<dyn TraceSpan> {
        Box::new(Self)
    }

    fn unrecorded(&self) -> Box<dyn TraceSpan> {
        Box::new(Self)
    }
}

impl TraceSpan for NoSpans {
    fn context(&self) -> Option<TraceParent> {
        None
    }

    fn within(&self, work: &mut dyn FnMut()) {
        work();
    }

    fn count(&mut self, _: usize) {}

    fn fail(&mut self, _: &str) {}
}
