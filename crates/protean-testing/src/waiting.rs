//! Scheduled messages, for assertions in tests.

use std::time::Duration;

use protean_core::domain::ScheduledMessages;
use protean_core::model::Event;
use protean_port::message::{Id, Kind, Message, Timestamp};
use protean_port::port::{Clock, Scheduled};

use crate::TestDomain;
use crate::messages::{ExpectedMessage, Found};
use crate::refusal::succeeded;

/// Messages that wait for their time.
pub(crate) struct Waiting {
    now: Timestamp,
    scheduled: Vec<Scheduled>,
}

impl Waiting {
    /// The timer of this type that a process has set, if it has.
    #[track_caller]
    pub(crate) fn timer<E: Event>(test: &TestDomain, process: &Id) -> Self {
        Self::of(test, |waiting| {
            let Message { kind, stream, .. } = &waiting.message;
            let is_of_process = *kind == Kind::Event && stream.id() == process.as_str();
            is_of_process && waiting.message.name() == E::NAME
        })
    }

    /// Commands.
    #[track_caller]
    pub(crate) fn commands(test: &TestDomain) -> Self {
        Self::of(test, |waiting| waiting.message.kind == Kind::Command)
    }

    #[track_caller]
    fn of(test: &TestDomain, wanted: impl Fn(&Scheduled) -> bool) -> Self {
        let page = test.run(ScheduledMessages::of(test.domain()).page(None, usize::MAX));
        let mut scheduled = succeeded("the schedule", page);
        scheduled.retain(wanted);
        Self { now: test.clock().now(), scheduled }
    }

    #[track_caller]
    pub(crate) fn require(&self, expected: &ExpectedMessage, delay: Duration) {
        let is_it = |waiting: &Scheduled| {
            waiting.due == self.now + delay && expected.is(&Found::from(&waiting.message))
        };
        if !self.scheduled.iter().any(is_it) {
            panic!("expected {expected} in {delay:?}, but {}", self.described());
        }
    }

    #[track_caller]
    pub(crate) fn require_none(&self) {
        if !self.scheduled.is_empty() {
            panic!("expected nothing to wait, but {}", self.described());
        }
    }

    fn described(&self) -> String {
        let line = |waiting: &Scheduled| {
            let delay = waiting.due.since(self.now);
            format!("\n  {} in {delay:?}", Found::from(&waiting.message))
        };
        let lines: String = self.scheduled.iter().map(line).collect();
        if lines.is_empty() { "nothing waits".to_owned() } else { format!("this waits:{lines}") }
    }
}
