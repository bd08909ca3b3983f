//! When a command is to be handled, and until when.

use std::time::Duration;

use protean_port::message::Timestamp;

use super::env::Env;
use crate::model::Start;

/// When a command is to be handled and until when, as its sender has set it.
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

    /// The deadline of a command that is made at `made`, with this time-out unless its sender has
    /// set another.
    pub(crate) fn deadline(&self, made: Timestamp, default: Option<Duration>) -> Option<Timestamp> {
        let timeout = self.timeout.or(default);
        self.deadline.or(timeout.map(|timeout| made + timeout))
    }
}
