//! The spans of commits: one for each commit of production, and one for each batch of backfill,
//! handlers included.

use std::time::Duration;

use protean_core::handling::spans::{BatchStep, OpenSpan, batch};
use protean_port::message::{Lane, Message};
use protean_port::port::SpanOperation;
use tokio::time::Instant;

use crate::per_lane::PerLane;
use crate::worker::runner::HandlerRunner;

/// The spans of a worker's commits.
pub(super) struct CommitSpans {
    /// That of the commit which is under way.
    open: PerLane<OpenSpan>,
    /// When the first handler of the next batch of backfill began.
    began: Option<Instant>,
    is_on: bool,
}

impl CommitSpans {
    pub(super) fn new(runner: &HandlerRunner) -> Self {
        let lanes = runner.domain.lanes().lanes();
        let open = PerLane::new(lanes, |_| OpenSpan::default());
        Self { open, began: None, is_on: runner.domain.env().records_spans() }
    }

    /// A handler has ended after this time.
    pub(super) fn ran(&mut self, lane: Lane, took: Duration) {
        if self.is_on && lane == Lane::Backfill && self.began.is_none() {
            self.began = Instant::now().checked_sub(took);
        }
    }

    /// A commit begins that settles these messages.
    pub(super) fn begin<'m>(
        &mut self,
        runner: &HandlerRunner,
        lane: Lane,
        messages: impl Iterator<Item = &'m Message>,
    ) {
        if !self.is_on {
            return;
        }
        let (operation, ago) = match lane {
            Lane::Primary => (SpanOperation::Settle, Duration::ZERO),
            Lane::Backfill => {
                let began = self.began.take();
                (SpanOperation::Process, began.map_or(Duration::ZERO, |began| began.elapsed()))
            }
        };
        let group = &runner.group;
        let step = BatchStep {
            operation,
            broker: None,
            destination: group.category.as_str(),
            handler: Some(&group.handler),
            lane,
            ago,
        };
        self.open[lane] = batch(runner.domain.env(), &step, messages);
    }

    /// The commit has ended; `failed` is the reason when it failed.
    pub(super) fn end(&mut self, lane: Lane, failed: Option<&str>) {
        let mut span = std::mem::take(&mut self.open[lane]);
        if let Some(reason) = failed {
            span.fail(reason);
        }
    }
}
