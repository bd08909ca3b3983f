//! Wakes the thread that looks for the commits of other processes.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Makes the thread look now, or end.
#[derive(Default)]
pub(crate) struct Nudge {
    state: Mutex<NudgeState>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum NudgeState {
    #[default]
    Quiet,
    Nudged,
    Closed,
}

impl Nudge {
    /// Something was written.
    pub(crate) fn now(&self) {
        self.set(NudgeState::Nudged);
    }

    /// Ends the thread.
    pub(crate) fn close(&self) {
        self.set(NudgeState::Closed);
    }

    /// Waits for a nudge, but no longer than this. Closed is final.
    pub(crate) fn wait(&self, timeout: Duration) -> NudgeState {
        let quiet = |state: &mut NudgeState| *state == NudgeState::Quiet;
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, quiet);
        let (mut current, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let found = *current;
        if found == NudgeState::Nudged {
            *current = NudgeState::Quiet;
        }
        found
    }

    fn set(&self, state: NudgeState) {
        let mut current = self.lock();
        if *current != NudgeState::Closed {
            *current = state;
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, NudgeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
