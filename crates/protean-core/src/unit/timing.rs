//! The due time and the deadline of a command.

use std::time::Duration;

use protean_port::message::Timestamp;

use super::env::Env;
use crate::model::Start;

/// The due time and the deadline of a command, as its sender has set them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timing {
    pub(crate) start: Option<Start>,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) timeout: Option<Duration>,
}

impl Timing {
    /// When the command is due; `None` when it is to be handled at once.
    pub(crate) fn due(&self, env: &Env) -> Option<Timestamp> {
        self.start.map(|start| env.store_clock.due(start))
    }

    /// The deadline of a command created at `made`: the one its sender has set, or else this
    /// time-out.
    pub(crate) fn deadline(&self, made: Timestamp, default: Option<Duration>) -> Option<Timestamp> {
        let timeout = self.timeout.or(default);
        self.deadline.or(timeout.map(|timeout| made + timeout))
    }
}
